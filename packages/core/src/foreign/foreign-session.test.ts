import { expect, test } from "vitest";
import { RpcError } from "../errors/rpc-error.ts";
import { DEFAULT_LIVENESS } from "../session/limits.ts";
import type { OutgoingCall } from "../session/outgoing-call.ts";
import { unavailable } from "../session/session-errors.ts";
import { RecordedCall } from "../session/test/session-pair.ts";
import { createFakeRuntime } from "../testing/index.ts";
import { assumedUnary, wholeService } from "./foreign-protocol.ts";
import { ForeignSession, type ForeignWire } from "./foreign-session.ts";

/** A session on a wire that does nothing by itself, and what it was told. */
function world({ maxCalls = 2, ready = true }: { maxCalls?: number; ready?: boolean } = {}) {
  const runtime = createFakeRuntime();
  const told: string[] = [];
  const wire: ForeignWire<string> & { unsent: number; read: number } = {
    unsent: 0,
    read: 0,
    send({ input }: OutgoingCall) {
      if (input === "unsendable")
        throw new RpcError("INVALID_ARGUMENT", "it cannot be written", { executed: "no" });
      told.push(`sent ${input}`);
      return String(input);
    },
    begin: (sent) => told.push(`began ${sent}`),
    takeBack: (sent) => told.push(`took back ${sent}`),
    endOf: (sent, error) => (sent === "untaken" ? unavailable("not taken", "no", "elsewhere") : error),
    unsentBytes: () => wire.unsent,
    bytesRead: () => wire.read,
    ping: () => told.push("ping"),
    end: () => told.push("wire ended"),
  };
  const instance = wholeService("user", "test");
  const session = new ForeignSession<string>({
    options: {
      runtime,
      instance,
      address: { protocol: "test", url: "test:user" },
      connectTimeoutMs: 1000,
      credentials: undefined,
      limits: { maxUnsentBytes: 100 },
      liveness: DEFAULT_LIVENESS,
      events: {
        ready: () => told.push("ready"),
        suspect: (suspected) => told.push(suspected ? "suspect" : "trusted"),
        draining: () => told.push("draining"),
        closed: ({ code }) => told.push(`closed ${code}`),
      },
    },
    remote: "there",
    endpoint: assumedUnary,
    maxCalls,
    connect: () => wire,
  });
  if (ready) session.ready();
  const call = (input: string, timeoutMs = Number.POSITIVE_INFINITY): RecordedCall => {
    const made = new RecordedCall(session.endpoints.get("get"), input, {
      expiresAt: runtime.clock.monotonic() + timeoutMs,
    });
    session.start(made);
    return made;
  };
  return { runtime, session, wire, told, call };
}

const how = ({ error, value, ends }: RecordedCall): unknown =>
  error === undefined
    ? { value, ends }
    : { code: error.code, executed: error.executed, retry: error.retry, ends };

test("a call is sent, begun and answered once", () => {
  const { session, call, told } = world();
  const a = call("a");
  session.finish(a, 7);
  session.finish(a, 8);
  session.fail(a, unavailable("too late to matter"));
  expect(how(a)).toEqual({ value: 7, ends: 1 });
  expect(told).toEqual(["ready", "sent a", "began a"]);
  expect(session.pending).toBe(0);
});

test("more calls than may be under way wait their turn, and are sent in order", () => {
  const { session, call, told } = world();
  const [a, , c] = ["a", "b", "c", "d"].map((input) => call(input));
  expect(session.pending).toBe(4);
  session.cancel(c as RecordedCall);
  session.fail(a as RecordedCall, new RpcError("INTERNAL", "it broke"));
  expect(told.filter((line) => line.startsWith("sent"))).toEqual(["sent a", "sent b", "sent d"]);
  expect(how(c as RecordedCall)).toEqual({ value: undefined, ends: 0 });
  // The peer allows more: they go at once.
  const e = call("e");
  session.ready(3);
  expect(session.sent(e)).toBe("e");
});

test("what cannot be sent, and what there is no room for, is told so and sent nowhere", () => {
  const { wire, call, told, session } = world();
  expect(how(call("unsendable"))).toEqual({
    code: "INVALID_ARGUMENT",
    executed: "no",
    retry: "none",
    ends: 1,
  });
  wire.unsent = 101;
  expect(how(call("a"))).toEqual({ code: "RESOURCE_EXHAUSTED", executed: "no", retry: "elsewhere", ends: 1 });
  expect(how(call("b", 0))).toEqual({ code: "DEADLINE_EXCEEDED", executed: "no", retry: "none", ends: 1 });
  expect([told, session.pending]).toEqual([["ready"], 0]);
});

test("deadlines end calls where they are: under way nobody knows, waiting they were not executed", async () => {
  const { runtime, call, told, session } = world({ maxCalls: 1 });
  const [a, b, c] = [call("a", 50), call("b", 40), call("c", 500)];
  await runtime.clock.advanceAsync(54);
  expect(how(a)).toEqual({ code: "DEADLINE_EXCEEDED", executed: "maybe", retry: "none", ends: 1 });
  expect(how(b)).toEqual({ code: "DEADLINE_EXCEEDED", executed: "no", retry: "none", ends: 1 });
  expect(told.slice(3)).toEqual(["took back a", "sent c", "began c"]);
  session.finish(c, 1);
  expect(how(c)).toEqual({ value: 1, ends: 1 });
});

test("at the end calls are told what is known of them", () => {
  const { session, call, told } = world();
  const [a, b, c] = [call("a"), call("untaken"), call("c")];
  session.end(unavailable("lost", "maybe"));
  session.end(unavailable("again"));
  expect([a, b, c].map(how)).toEqual([
    { code: "UNAVAILABLE", executed: "maybe", retry: "none", ends: 1 },
    { code: "UNAVAILABLE", executed: "no", retry: "elsewhere", ends: 1 },
    { code: "UNAVAILABLE", executed: "no", retry: "elsewhere", ends: 1 },
  ]);
  expect(told.slice(-4)).toEqual(["took back a", "took back untaken", "wire ended", "closed UNAVAILABLE"]);
  expect(how(call("d"))).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
});

test("draining gives back what waits, and ends with the last call", async () => {
  const { session, call, told, runtime } = world({ maxCalls: 1 });
  const [a, b] = [call("a"), call("b")];
  session.drain();
  expect(how(b)).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
  expect(session.state).toBe("draining");
  session.finish(a, 1);
  expect([session.state, told.at(-1)]).toEqual(["closed", "closed UNAVAILABLE"]);
  const idle = world();
  idle.session.drain();
  await idle.runtime.clock.advanceAsync(1);
  expect(idle.session.state).toBe("closed");
  await runtime.clock.advanceAsync(60_000);
  expect(told.filter((line) => line === "ping")).toEqual([]);
});

test("a peer that is mute is suspected, and trusted once it is heard; never ready in time, it is given up", async () => {
  const { runtime, wire, told, call } = world();
  call("a", 60_000);
  await runtime.clock.advanceAsync(2000);
  expect(told.slice(3)).toEqual(["ping", "suspect"]);
  wire.read = 10;
  await runtime.clock.advanceAsync(100);
  expect(told.at(-1)).toBe("trusted");
  const late = world({ ready: false });
  await late.runtime.clock.advanceAsync(1000);
  expect(late.told).toEqual(["wire ended", "closed UNAVAILABLE"]);
});
