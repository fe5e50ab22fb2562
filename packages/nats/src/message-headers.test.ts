import { createRequire } from "node:module";
import { Match, type MsgHdrs } from "nats";
import { describe, expect, test } from "vitest";
import { MessageHeaders } from "./message-headers.ts";

/** What the library reads the same text as. */
const { MsgHdrsImpl } = createRequire(import.meta.url)("nats/lib/nats-base-client/headers.js") as {
  MsgHdrsImpl: { decode(bytes: Uint8Array): MsgHdrs };
};

describe("headers of a message", () => {
  test.each([
    ["NATS/1.0\r\n\r\n"],
    ["NATS/1.0 503\r\n\r\n"],
    ["NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n"],
    ["NATS/1.0 408  Request Timeout \r\nNats-Pending-Messages: 64\r\nNats-Pending-Bytes:0\r\n\r\n"],
    ["NATS/1.0\r\nTenant: a \r\ntenant: b\r\nTenant: c\r\nempty:\r\nurl: http://a:1/b\r\nno colon\r\n\r\n"],
    [""],
    ["something else 12\r\na: b"],
  ])("%j: as the library reads it", (text) => {
    const ours = new MessageHeaders(text);
    const theirs = MsgHdrsImpl.decode(Buffer.from(text));
    if (text.startsWith("NATS/1.0")) {
      expect(ours.code).toBe(theirs.code);
      expect(ours.description).toBe(theirs.description);
    }
    expect(ours.names()).toEqual(theirs.keys());
    for (const name of theirs.keys()) expect(ours.get(name)).toBe(theirs.get(name, Match.IgnoreCase));
    expect(ours.get("nowhere")).toBe("");
  });

  test("the first of a name counts, in any case", () => {
    const headers = new MessageHeaders("NATS/1.0\r\nTenant: a\r\ntenant: b\r\n\r\n");
    expect([headers.get("TENANT"), headers.get("tenant")]).toEqual(["a", "a"]);
  });

  test("200,000 names take no longer than their length", () => {
    const names = Array.from({ length: 200_000 }, (_, n) => n.toString(36));
    const headers = new MessageHeaders(`NATS/1.0\r\n${names.map((name) => `${name}:x\r\n`).join("")}\r\n`);
    const begun = process.cpuUsage();
    expect(headers.names()).toHaveLength(names.length);
    for (const name of names) expect(headers.get(name) === "x").toBe(true);
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1000).toBeLessThan(5000);
  });
});
