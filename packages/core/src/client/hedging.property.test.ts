import fc from "fast-check";
import { expect, it } from "vitest";
import { type Code, type Executed, type RetryAdvice, RpcError } from "../errors/rpc-error.ts";
import type { OutgoingCall } from "../session/outgoing-call.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING } from "./test/bench-client.ts";
import type { FakeSession } from "./test/fake-session.ts";

const IDS = ["a", "b", "c", "d"];
const failure = fc.constantFrom<[Code, Executed, RetryAdvice]>(
  ["UNAVAILABLE", "no", "elsewhere"],
  ["RESOURCE_EXHAUSTED", "no", 20],
  ["PERMISSION_DENIED", "no", "none"],
  ["UNAVAILABLE", "maybe", "none"],
  ["INTERNAL", "yes", "none"],
  ["NOT_FOUND", "yes", "none"],
);
const event = fc.record({
  at: fc.nat({ max: IDS.length - 1 }),
  what: fc.constantFrom(
    "call",
    "call",
    "ok",
    "fail",
    "fail",
    "lose",
    "goaway",
    "suspect",
    "clear",
    "hello",
    "wait",
  ),
  idempotent: fc.boolean(),
  timeoutMs: fc.constantFrom(40, 1000, 5000),
  failure,
  ms: fc.constantFrom(1, 15, 35, 300),
});

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

/** A try as its session saw it. */
interface Try {
  readonly sent: OutgoingCall;
  readonly session: FakeSession;
  ended: RpcError | "ok" | undefined;
}
interface Fate {
  readonly idempotent: boolean;
  ends: number;
  result: unknown;
}

it("whatever befalls two tries: one end, two executions at most and one where there may be no more, and nothing left", async () => {
  let hedges = 0;
  const told = async (events: readonly Event[]): Promise<void> => {
    const bench = new Bench({ policy: { hedge: { afterMs: 10, maxExtra: 1 } } });
    const user = await bench.serve(...IDS);
    const tries: Try[] = [];
    const fates: Fate[] = [];
    const watch = (): void => {
      for (const session of bench.sessions)
        session.onStart ??= (sent) => void tries.push({ sent, session, ended: undefined });
    };
    const end = (sent: OutgoingCall, session: FakeSession, how: RpcError | "ok"): void => {
      const found = tries.findLast((t) => t.sent === sent && t.session === session);
      if (found !== undefined) found.ended = how;
    };
    watch();
    for (const { at, what, idempotent, timeoutMs, failure: how, ms } of events) {
      const session = bench.sessions.findLast((s) => s.options.instance === IDS[at]) as FakeSession;
      const [sent] = session.calls;
      if (what === "call") {
        const fate: Fate = { idempotent, ends: 0, result: undefined };
        const ended = (result: unknown): void => {
          fate.ends++;
          fate.result = result;
        };
        const number = fates.push(fate) - 1;
        user.call(idempotent ? "getUser" : "addUser", number, { timeoutMs }).then(ended, ended);
      } else if (what === "wait") await bench.runtime.clock.advanceAsync(ms);
      else if (what === "hello" && session.state === "opening") session.hello(bench.offers);
      else if (what === "lose") session.lose();
      else if (session.state !== "open") continue;
      else if (what === "goaway") session.goaway();
      else if (what === "suspect" || what === "clear") session.suspect(what === "suspect");
      else if (sent !== undefined && what === "ok") {
        end(sent, session, "ok");
        session.answer(sent.input, sent);
      } else if (sent !== undefined && what === "fail") {
        const error = new RpcError(how[0], "as scripted", { executed: how[1], retry: how[2] });
        end(sent, session, error);
        session.refuse(error, sent);
      }
      await settle();
      watch();
      for (const { calls, waiting } of bench.sessions)
        for (const { input } of [...calls, ...waiting]) expect(fates[input as number]?.ends).toBe(0);
    }
    expect(await bench.close()).toEqual(NOTHING);
    hedges += tries.filter(({ sent }) => sent.attempt === 1).length;
    for (const [number, { idempotent, ends, result }] of fates.entries()) {
      expect(ends).toBe(1);
      const own = tries.filter(({ sent }) => sent.input === number);
      const perhaps = own.filter(({ ended }) => !(RpcError.is(ended) && ended.executed === "no"));
      expect(perhaps.length).toBeLessThanOrEqual(idempotent ? 2 : 1);
      expect(new Set(own.map(({ session }) => session)).size).toBe(own.length);
      if (!RpcError.is(result)) {
        expect(result).toBe(number);
        expect(own.some(({ ended }) => ended === "ok")).toBe(true);
      } else if (result.executed === "no") expect(perhaps).toEqual([]);
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), told), { numRuns: 300 });
  expect(hedges).toBeGreaterThan(50);
});
