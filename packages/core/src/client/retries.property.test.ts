import fc from "fast-check";
import { expect, it } from "vitest";
import { type Code, type Executed, type RetryAdvice, RpcError } from "../errors/rpc-error.ts";
import type { OutgoingCall } from "../session/outgoing-call.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING } from "./test/bench-client.ts";

/** How a try may end, as sessions say it; undefined: well. */
const end = fc.option(
  fc.record({
    code: fc.constantFrom<Code>(
      "UNAVAILABLE",
      "RESOURCE_EXHAUSTED",
      "INTERNAL",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
    ),
    said: fc.constantFrom<[Executed, RetryAdvice]>(
      ["no", "elsewhere"],
      ["no", "none"],
      ["no", 20],
      ["maybe", "none"],
      ["yes", "none"],
    ),
  }),
  { nil: undefined },
);
const event = fc.record({
  /** Which instance something happens at. */
  at: fc.nat({ max: 3 }),
  what: fc.constantFrom("end", "end", "end", "lose", "goaway", "suspect", "clear", "hello", "wait"),
  end,
  ms: fc.constantFrom(1, 20, 100, 700),
});
const call = fc.record({
  idempotent: fc.boolean(),
  timeoutMs: fc.constantFrom(50, 1000, 5000),
  after: fc.nat({ max: 20 }),
});

/** One call's fate. */
interface Fate {
  readonly idempotent: boolean;
  /** Tries, in order, with what each ended in. */
  readonly tries: { readonly instance: string; ended: RpcError | "ok" | "lost" | "withdrawn" | undefined }[];
  ends: number;
  error: RpcError | undefined;
}

it("ends every call exactly once, after three tries at most, and never repeats what must not be repeated", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 12 }),
      fc.array(event, { minLength: 1, maxLength: 60 }),
      async (calls, events) => {
        const bench = new Bench();
        const user = await bench.serve("a", "b", "c", "d");
        const fates: Fate[] = [];
        const fateOf = (sent: OutgoingCall): Fate => fates[sent.input as number] as Fate;
        const watch = (): void => {
          for (const session of bench.sessions)
            session.onStart ??= (sent) =>
              void fateOf(sent).tries.push({
                instance: session.options.instance as string,
                ended: undefined,
              });
        };
        const last = (sent: OutgoingCall) => fateOf(sent).tries.at(-1) as Fate["tries"][number];
        watch();
        const begin = (given: (typeof calls)[number]): void => {
          const fate: Fate = { idempotent: given.idempotent, tries: [], ends: 0, error: undefined };
          const number = fates.push(fate) - 1;
          user.call(given.idempotent ? "getUser" : "addUser", number, { timeoutMs: given.timeoutMs }).then(
            () => void fate.ends++,
            (error) => {
              fate.ends++;
              fate.error = error as RpcError;
            },
          );
        };
        for (const [index, { at, what, end: how, ms }] of events.entries()) {
          for (const given of calls) if (given.after === index) begin(given);
          const session = bench.sessions.findLast((s) => s.options.instance === "abcd"[at]);
          if (session === undefined) continue;
          const [sent] = session.calls;
          if (what === "hello" && session.state === "opening") session.hello(bench.offers);
          else if (what === "wait") await bench.runtime.clock.advanceAsync(ms);
          else if (what === "lose") {
            for (const lost of session.calls) last(lost).ended = "lost";
            session.lose();
          } else if (session.state === "open" && what === "goaway") session.goaway();
          else if (session.state === "open" && (what === "suspect" || what === "clear")) {
            const before = [...session.calls];
            session.suspect(what === "suspect");
            for (const gone of before)
              if (session.cancelled.includes(gone)) {
                const taken = fateOf(gone).tries.findLast((t) => t.instance === session.options.instance);
                if (taken?.ended === undefined && taken !== undefined) taken.ended = "withdrawn";
              }
          } else if (what === "end" && sent !== undefined) {
            const failure =
              how && new RpcError(how.code, "as scripted", { executed: how.said[0], retry: how.said[1] });
            last(sent).ended = failure ?? "ok";
            if (failure === undefined) session.answer("ok", sent);
            else session.refuse(failure, sent);
          }
          await settle();
          watch();
        }
        expect(await bench.close()).toEqual(NOTHING);
        for (const fate of fates) {
          expect(fate.ends).toBe(1);
          expect(fate.tries.length).toBeLessThanOrEqual(3);
          const repeated = fate.tries.slice(0, -1);
          const paid = repeated.filter((t) => !(RpcError.is(t.ended) && t.ended.retry === "elsewhere"));
          expect(paid.length).toBeLessThanOrEqual(1);
          expect(new Set(fate.tries.map((t) => t.instance)).size).toBe(fate.tries.length);
          for (const { ended } of repeated) {
            const unknown =
              ended === "lost" || ended === "withdrawn" || (RpcError.is(ended) && ended.executed === "maybe");
            if (unknown) expect(fate.idempotent).toBe(true);
            expect(RpcError.is(ended) && ended.executed === "yes").toBe(false);
          }
          const mayHaveRun = repeated.some(({ ended }) => !(RpcError.is(ended) && ended.executed === "no"));
          if (mayHaveRun && fate.error !== undefined) expect(fate.error.executed).not.toBe("no");
        }
      },
    ),
    { numRuns: 150 },
  );
});
