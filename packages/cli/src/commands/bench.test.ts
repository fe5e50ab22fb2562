import { RpcError } from "skein";
import { expect, test } from "vitest";
import { endpoint, type HarnessOptions, harness } from "../../test/harness.ts";

/** A service whose calls take `ms` of the fake clock, one after the other. */
function user(ms: number, options: HarnessOptions = {}) {
  const made = harness(options);
  made.backplane.endpoints = [
    endpoint("getUser"),
    endpoint("createUser", { idempotent: false }),
    endpoint("watchUsers", { kind: "server-stream" }),
  ];
  const answer = () => made.clock.advance(ms);
  made.backplane.answers = { getUser: answer, createUser: answer };
  return made;
}

test("rate, latencies and failures for people", async () => {
  const { backplane, stdout, run } = user(1);
  let count = 0;
  const { getUser } = backplane.answers;
  backplane.answers.getUser = (call) => {
    getUser?.(call);
    if (++count % 10 === 5) throw new RpcError(count % 20 === 5 ? "UNAVAILABLE" : "DEADLINE_EXCEEDED", "no");
  };
  expect(await run("bench", "user", "getUser", '{"id":"1"}', "-c", "1", "-d", "1s")).toBe(1);
  expect(stdout.text).toBe(
    `user.getUser  1 caller, 1 s
  rate     900 calls/s
  latency  p50 1 ms   p99 1 ms   p99.9 1 ms   max 1 ms
  ok       900
  failed   100   UNAVAILABLE 50, DEADLINE_EXCEEDED 50
`,
  );
  expect(backplane.calls[1]?.input).toEqual({ id: "1" });
});

test("a document for programs", async () => {
  const { backplane, stdout, run } = user(2);
  expect(await run("bench", "user", "getUser", "--json", "--concurrency", "4", "--duration", "200ms")).toBe(
    0,
  );
  const document = JSON.parse(stdout.text);
  // Each of the four callers looks at the time before its call: some calls end past it
  const calls = backplane.calls.filter(({ method }) => method === "getUser").length - 1;
  expect(document).toMatchObject({
    service: "user",
    method: "getUser",
    concurrency: 4,
    failed: 0,
    errors: {},
    ok: calls,
  });
  expect(document.durationMs).toBe(calls * 2);
  expect(document.ratePerSecond).toBe(500);
  expect(document.latencyMs.p50).toBeGreaterThanOrEqual(2);
});

test("progress on a terminal only, taken away at the end", async () => {
  const { stderr, run } = user(10, { tty: true });
  expect(await run("bench", "user", "getUser", "-c", "1", "-d", "3s")).toBe(0);
  expect(stderr.text).toContain("\r\x1b[K100 calls/s, 1 s left");
  expect(stderr.text.endsWith("\r\x1b[K")).toBe(true);
  const piped = user(10);
  await piped.run("bench", "user", "getUser", "-c", "1", "-d", "3s");
  expect(piped.stderr.text).toBe("");
});

test("what is not idempotent only with --force", async () => {
  const { backplane, stderr, run } = user(1);
  expect(await run("bench", "user", "createUser", "{}", "-d", "10ms")).toBe(2);
  expect(stderr.text).toBe(
    "user.createUser is not idempotent: thousands of calls may change what it keeps. Add --force if that is wanted\n",
  );
  expect(backplane.calls.map(({ method }) => method)).toEqual(["$describe"]);
  expect(await run("bench", "user", "createUser", "{}", "-d", "10ms", "--force")).toBe(0);
});

test("streams and unknown methods are refused", async () => {
  const { stderr, run } = user(1);
  expect(await run("bench", "user", "watchUsers")).toBe(2);
  expect(await run("bench", "user", "getUsers")).toBe(1);
  expect(stderr.text).toBe(
    'user.watchUsers is a server-stream; bench calls unary methods\nuser 1.0.0 has no method "getUsers"; did you mean getUser?\n',
  );
});

test("a first call that fails is shown and not repeated", async () => {
  const { backplane, stderr, run } = user(1);
  backplane.answers.getUser = () => {
    throw new RpcError("INVALID_ARGUMENT", "id is missing", { executed: "no" });
  };
  expect(await run("bench", "user", "getUser")).toBe(1);
  expect(stderr.text).toBe("INVALID_ARGUMENT: id is missing\n  executed: no\n");
  expect(backplane.calls.length).toBe(2);
});

test("Ctrl-C ends it early with what was measured", async () => {
  const { backplane, clock, interrupt, stdout, run } = user(1);
  backplane.answers.getUser = () => {
    clock.advance(1);
    if (clock.monotonic() === 101) interrupt.abort();
  };
  expect(await run("bench", "user", "getUser", "-c", "1", "-d", "60s")).toBe(130);
  expect(stdout.text).toContain("user.getUser  1 caller, 100 ms\n  rate     1,000 calls/s\n");
  expect(clock.timers).toBe(0);
});
