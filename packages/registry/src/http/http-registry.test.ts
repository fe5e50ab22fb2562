import { silentLogger } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { createHttpRegistry } from "../http.ts";

const open = (url: string) => createHttpRegistry(url, { runtime: createFakeRuntime(), logger: silentLogger });

test.each([
  ["http://h", "http://h"],
  ["http://h:1/", "http://h:1/"],
  ["https://t0ken@h/registry", "https://***@h/registry"],
  ["http://t%40ken@[::1]:8800/?wait=5s", "http://***@[::1]:8800/?wait=5s"],
])("%s is called %s", (url, name) => {
  expect(open(url).name).toBe(name);
});

test.each([
  ["http://user:s3cret@h", /there is a password: give the token alone, as in http:\/\/token@host:8800/],
  ["http://s3cret@a,b", /more than one host in "a,b"/],
  ["http://s3cret@h:99999", /the port of "h:99999"/],
  ["http://s3cret@h?wiat=5s", /the parameter "wiat" is unknown; did you mean wait\?/],
  ["http://s3cret@h?wait=soon", /wait=soon is no duration/],
  ["http://s3cret@h?wait=10ms", /wait=10ms is too short: give 1s or more/],
  ["http://s3cret@h?wait=1h", /wait=1h is too long: give 600s or less/],
  ["http://s3cret@h#x", /what follows # is not understood/],
  ["http://%s3cret@h", /the user name has a % that begins no escape/],
])("%s is refused by naming what is wrong, and no credential", (url, message) => {
  const made = (): unknown => open(url);
  expect(made).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
  );
  expect(made).not.toThrow(/s3cret/);
});
