import { describe, expect, test } from "vitest";
import { harness } from "../test/harness.ts";

describe("wrong usage exits with 2 and says what would be right", () => {
  test.each([
    [["lst"], /unknown command 'lst'\n\(Did you mean list\?\)/],
    [["list", "--jsn"], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [["list", "extra"], /too many arguments/],
    [["describe"], /missing required argument 'service'/],
    [["call", "user"], /missing required argument 'method'/],
    [
      ["call", "user", "get", "--timeout", "1.5"],
      /argument '1.5' is invalid. A whole number of milliseconds from 1/,
    ],
    [["call", "user", "get", "--timeout", "0"], /A whole number of milliseconds from 1/],
    [["call", "user", "get", "--metadata", "tenant"], /A key and a value are expected, as in tenant=acme/],
    [["bench", "user", "get", "-c", "many"], /A whole number of callers from 1/],
    [["bench", "user", "get", "-d", "5 days"], /A time such as 10s, 500ms or 2m is expected/],
    [["new", "service"], /missing required argument 'name'/],
    [[], /Usage: skein/],
  ])("%j", async (argv, message) => {
    const { backplane, stderr, stdout, run } = harness();
    expect(await run(...argv)).toBe(2);
    expect(stderr.text).toMatch(message);
    expect(stdout.text).toBe("");
    expect(backplane.opened).toEqual([]);
  });
});

test.each([
  [["--help"], "skein bench user getUser"],
  [["call", "--help"], "skein call user getUser @input.json"],
  [["bench", "--help"], "--concurrency <n>"],
  [["watch", "--help"], "--namespace <name>"],
  [["--help"], "Exit codes: 0 done, 1 a call failed or what was asked for is not there, 2 wrong usage, 130"],
])("%j helps", async (argv, text) => {
  const { stdout, run } = harness();
  expect(await run(...argv)).toBe(0);
  expect(stdout.text).toContain(text);
});

test("--version before the command is skein's own", async () => {
  const { stdout, run } = harness();
  expect(await run("--version")).toBe(0);
  expect(stdout.text).toBe("9.9.9\n");
});

test("a registry that cannot be opened is a failure, in JSON too", async () => {
  const made = harness();
  const broken = () => Promise.reject(new Error("SKEIN_REGISTRY: unknown scheme foo:"));
  const { runCli } = await import("./run.ts");
  const io = {
    stdout: made.stdout,
    stderr: made.stderr,
    env: {},
    cwd: "/",
    stdinLines: async function* () {},
    readFile: async () => "",
    interrupted: new AbortController().signal,
    clock: made.clock,
  };
  expect(await runCli(["list"], io, { open: broken, version: "1" })).toBe(1);
  expect(await runCli(["list", "--json"], io, { open: broken, version: "1" })).toBe(1);
  expect(made.stderr.text).toBe(
    'SKEIN_REGISTRY: unknown scheme foo:\n{"error":{"message":"SKEIN_REGISTRY: unknown scheme foo:"}}\n',
  );
});
