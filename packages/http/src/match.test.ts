import { describe, expect, test } from "vitest";
import { matchHttp } from "./match.ts";

const match = (text: string): string => matchHttp(new TextEncoder().encode(text));

describe("the first bytes of HTTP/1.x", () => {
  test.each([
    "GET ",
    "HEAD ",
    "POST /x HTTP/1.1\r\n",
    "DELETE ",
    "OPTIONS *",
    "PATCH ",
    "PUT ",
    "TRACE ",
    "CONNECT h:1",
  ])("%j is one", (text) => expect(match(text)).toBe("yes"));
  test.each(["", "G", "GET", "P", "PO", "CONNECT", "CONNECT ", "OPTION"])("%j may become one", (text) =>
    expect(match(text)).toBe("more"),
  );
  test.each([
    "get / HTTP/1.1",
    "GETX",
    "PRI * HTTP/2.0\r\n",
    "\x16\x03\x01",
    "{",
    "SSH-2.0",
    "\r\nGET /",
    "\0",
    "GET\t/",
    "CONNECT /_goRPC_ HTTP/1.0\n\n",
  ])("%j is none", (text) => expect(match(text)).toBe("no"));
});
