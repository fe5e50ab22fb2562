import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseNatsUrl } from "./nats-url.ts";

const folder = mkdtempSync(join(tmpdir(), "skein-nats-url-"));
const file = join(folder, "file");
writeFileSync(file, "SEED\n");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("URLs", () => {
  test("servers, credentials, prefix", () => {
    expect(parseNatsUrl("nats://u:p%40@a:1,b/?prefix=x.y")).toMatchObject({
      hosts: ["a:1", "b:4222"],
      user: "u",
      password: "p@",
      prefix: "x.y",
      tls: undefined,
    });
    expect(parseNatsUrl("nats://")).toMatchObject({ hosts: ["localhost:4222"], prefix: "skein" });
    expect(parseNatsUrl("nats://s3cret@a")).toMatchObject({ token: "s3cret" });
    expect(parseNatsUrl("nats://s3cret@a").name).not.toContain("s3cret");
    expect(parseNatsUrl(`nats://a?creds=${file}`).creds?.toString()).toBe("SEED\n");
    expect(parseNatsUrl(`nats://a?nkey=${file}`).nkey?.toString()).toBe("SEED");
  });
  test("TLS", () => {
    expect(parseNatsUrl("tls://a").tls).toStrictEqual({});
    expect(parseNatsUrl("nats://a?tls=true").tls).toStrictEqual({});
    expect(parseNatsUrl(`nats://a?ca=${file}`).tls).toStrictEqual({ ca: "SEED\n" });
    expect(parseNatsUrl(`nats://a?cert=${file}&key=${file}`).tls).toStrictEqual({
      cert: "SEED\n",
      key: "SEED\n",
    });
  });
  test.each([
    ["nats://a?prefix=a%20b", "prefix="],
    ["nats://a?prefix=a.*", "prefix="],
    ["nats://a?tls=no", "tls=no"],
    [`nats://a?cert=${file}`, "both cert= and key="],
    ["nats://a?creds=/does/not/exist", "creds=/does/not/exist cannot be read"],
    [`nats://hunter2@a?creds=${file}`, "give one of"],
    ["nats://a?what=1", "what"],
  ])("%s is refused", (url, part) => {
    expect(() => parseNatsUrl(url)).toThrow(part);
    expect(() => parseNatsUrl(url)).not.toThrow("hunter2");
  });
});
