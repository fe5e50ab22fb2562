import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
// What openPretty is to find.
import "pino-pretty";
import { expect, test } from "vitest";
import { createLogger } from "./create-logger.ts";
import { openPretty } from "./pretty.ts";

test("for people: a line with its fields, errors with their frames, and still no control character of a peer's", () => {
  const directory = mkdtempSync(join(tmpdir(), "skein-pretty-"));
  const file = join(directory, "log");
  const descriptor = openSync(file, "a");
  const destination = openPretty(descriptor, false);
  if (destination === undefined) throw new Error("pino-pretty is a devDependency of this package");
  const logger = createLogger({ destination });
  logger.info({ service: "user", peer: "x\x1b[31m\r\nFORGED" }, "instance\u2028came");
  logger.error({ err: new Error("boom\nFORGED: not a line of its own") }, "failed");
  // What was written is there at once: nothing is lost when the process ends now.
  const text = readFileSync(file, "utf8");
  closeSync(descriptor);
  rmSync(directory, { recursive: true });
  expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: instance\\u2028came\n {4}service: "user"\n/);
  expect(text).toContain(String.raw`peer: "x\u001b[31m\r\nFORGED"`);
  expect(text).toMatch(/ERROR: failed\n {4}err: \{/);
  expect(text).toMatch(/\n +at .*pretty\.test\.ts/);
  expect(text).not.toMatch(/^FORGED/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  expect(text).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u2028]/);
});
