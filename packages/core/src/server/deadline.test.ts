import { expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { type EndpointOf, joinPair } from "../session/test/session-pair.ts";
import { settle } from "../testing/fake-clock.ts";

/** Handlers are told of their deadline; or look at it only after their caller has. */
let watched = true;
let look = (): void => {};

function told(ctx: CallContext): Promise<void> {
  return new Promise((resolve) => {
    if (watched) ctx.onAbort(() => resolve());
    else look = () => ctx.aborted && resolve();
  });
}

/** What a handler may do when it hears that its time is up. */
const HANDLERS: Record<string, EndpointOf> = {
  "returns a value": { handler: async (_, ctx) => told(ctx).then(() => "too late") },
  "throws what it likes": {
    handler: async (_, ctx) =>
      told(ctx).then(() => {
        throw new RpcError("NOT_FOUND", "too late");
      }),
  },
  "throws the signal's reason": {
    handler: async (_, ctx) => {
      await told(ctx);
      ctx.signal.throwIfAborted();
    },
  },
  "looks at the clock": {
    handler: async (_, ctx) => {
      await told(ctx);
      return ctx.timeLeftMs;
    },
  },
  "ends its stream": {
    kind: "server-stream",
    handler: async function* (_, ctx) {
      yield 1;
      await told(ctx);
    },
  },
  "fails its stream": {
    kind: "server-stream",
    handler: async function* (_, ctx) {
      yield 1;
      await told(ctx);
      throw new RpcError("NOT_FOUND", "too late");
    },
  },
};

const PASSED = { code: "DEADLINE_EXCEEDED", executed: "maybe", message: "the deadline passed" };

for (const [what, handler] of Object.entries(HANDLERS))
  for (const first of ["server", "caller"])
    test(`a handler that ${what} once told that its deadline passed: its caller is told the same (${first} first)`, async () => {
      watched = first === "server";
      const pair = await joinPair({ handlers: { late: handler } });
      const call = pair.call("late", undefined, { expiresAt: 100 });
      await settle();
      await pair.runtime.clock.advanceAsync(first === "server" ? 100 : 112);
      look();
      await settle();
      expect(call.ends).toBe(1);
      expect(call.error).toMatchObject(PASSED);
    });

test("what ends without having been told of its deadline is answered as it is", async () => {
  let end = (_: string): void => {};
  const pair = await joinPair({
    handlers: {
      late: () =>
        new Promise((resolve) => {
          end = resolve;
        }),
    },
  });
  const call = pair.call("late", undefined, { expiresAt: 98 });
  await settle();
  // Its caller looks at 100 ms.
  pair.runtime.clock.advance(99);
  end("a value");
  await call.ended;
  expect(call.value).toBe("a value");
});
