import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { type EndpointOf, joinPair, type Pair, type RecordedCall } from "./test/session-pair.ts";

/** What may happen next. Numbers choose among what there is. */
type Step =
  | {
      readonly do: "call";
      readonly kind: "unary" | "server" | "client" | "bidi";
      readonly items: number;
      readonly ms: number;
      readonly size: number;
    }
  | { readonly do: "deliver"; readonly to: "client" | "server"; readonly frames: number }
  | { readonly do: "release" | "refuse" | "cancel"; readonly which: number }
  | { readonly do: "read"; readonly which: number; readonly items: number }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "drain" | "cut" | "remove" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant("call" as const),
      kind: fc.constantFrom("unary", "server", "client", "bidi"),
      items: fc.nat(40),
      ms: fc.constantFrom(50, 500, 100_000),
      size: fc.constantFrom(1, 60, 700),
    }),
  },
  {
    weight: 36,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      to: fc.constantFrom("client", "server"),
      frames: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 15,
    arbitrary: fc.record({
      do: fc.constantFrom("release" as const, "refuse" as const, "cancel" as const),
      which: fc.nat(20),
    }),
  },
  {
    weight: 18,
    arbitrary: fc.record({ do: fc.constant("read" as const), which: fc.nat(20), items: fc.nat(30) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 20, 100, 600) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("drain" as const, "cut" as const, "remove" as const) }),
  },
) as fc.Arbitrary<Step>;

interface Order {
  readonly key: number;
  readonly items: number;
  readonly size: number;
}

/** The world of one run: what was asked, what the server did, what the client got. */
class World {
  pair!: Pair;
  readonly calls: {
    readonly call: RecordedCall;
    readonly order: Order;
    readonly read: string[];
    readonly method: string;
    cancelled: boolean;
    reading: boolean;
  }[] = [];
  readonly gates: { release(): void; refuse(): void }[] = [];
  readonly executed = new Map<number, number>();
  open = 0;

  #enter(order: Order): void {
    this.executed.set(order.key, (this.executed.get(order.key) ?? 0) + 1);
  }
  #gate(ctx: CallContext): Promise<void> {
    return new Promise((resolve, reject) => {
      this.gates.push({ release: resolve, refuse: () => reject(new RpcError("ABORTED", "refused")) });
      ctx.onAbort(() => resolve());
    });
  }
  readonly handlers: Record<string, EndpointOf> = {
    unary: {
      handler: async (input, ctx) => {
        this.#enter(input as Order);
        await this.#gate(ctx);
        return answer(input as Order);
      },
    },
    server: { kind: "server-stream", handler: (input, ctx) => this.#stream(input as Order, ctx) },
    client: {
      kind: "client-stream",
      handler: async (input) => {
        const seen: string[] = [];
        for await (const item of input as AsyncIterable<string>) seen.push(item);
        return seen;
      },
    },
    bidi: { kind: "bidi-stream", handler: (input) => this.#echo(input as AsyncIterable<string>) },
  };
  async *#stream(order: Order, ctx: CallContext): AsyncGenerator<string> {
    this.#enter(order);
    this.open++;
    try {
      for (let i = 0; i < order.items; i++) {
        if (ctx.aborted) return;
        yield item(order, i);
      }
    } finally {
      this.open--;
    }
  }
  async *#echo(input: AsyncIterable<string>): AsyncGenerator<string> {
    this.open++;
    try {
      for await (const text of input) yield text;
    } finally {
      this.open--;
    }
  }
  async *source(order: Order): AsyncGenerator<string> {
    this.open++;
    try {
      for (let i = 0; i < order.items; i++) yield item(order, i);
    } finally {
      this.open--;
    }
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const s of steps) {
      this.#do(s);
      await settle();
      expect(this.unended(), "begun and not ended").toBeLessThanOrEqual(this.pair.server.running);
    }
  }

  /** By the server's counters. */
  unended(): number {
    const reports = this.pair.server.report();
    return reports.reduce((sum, r) => sum + r.started - r.succeeded - r.failed - r.cancelled, 0);
  }

  #do(s: Step): void {
    const { pair } = this;
    switch (s.do) {
      case "call": {
        if (pair.session.state !== "open") return;
        const order: Order = { key: this.calls.length, items: s.items, size: s.size };
        const streams = s.kind === "client" || s.kind === "bidi";
        const expiresAt = pair.runtime.clock.monotonic() + s.ms;
        const call = pair.call(s.kind, streams ? this.source(order) : order, { expiresAt });
        this.calls.push({ call, order, read: [], method: s.kind, cancelled: false, reading: false });
        return;
      }
      case "deliver":
        pair.link.deliver(s.to, s.frames);
        return;
      case "release":
      case "refuse":
        this.gates[s.which % Math.max(1, this.gates.length)]?.[s.do]();
        return;
      case "cancel": {
        const chosen = this.calls[s.which % Math.max(1, this.calls.length)];
        if (chosen === undefined || chosen.call.ends > 0) return;
        chosen.cancelled = true;
        pair.session.cancel(chosen.call);
        return;
      }
      case "read":
        void this.#read(s.which, s.items);
        return;
      case "leave": {
        const chosen = this.calls[s.which % Math.max(1, this.calls.length)];
        if (chosen?.call.items === undefined || chosen.call.ends > 0) return;
        chosen.cancelled = true;
        void chosen.call.items.return();
        return;
      }
      case "wait":
        pair.runtime.clock.advance(s.ms);
        return;
      case "drain":
        void pair.server.drain({ graceMs: 1000 });
        return;
      case "remove":
        pair.session.drain();
        return;
      case "cut":
        pair.link.cut();
    }
  }

  async #read(which: number, items: number): Promise<void> {
    const chosen = this.calls[which % Math.max(1, this.calls.length)];
    if (chosen?.call.items === undefined || chosen.reading) return;
    chosen.reading = true;
    try {
      for (let i = 0; i < items; i++) {
        const next = await chosen.call.items.next();
        if (next.done === true) break;
        chosen.read.push(next.value as string);
      }
    } catch {
      // The call's own record has the error.
    }
    chosen.reading = false;
  }

  /** Everything that is under way comes to its end. */
  async finish(): Promise<void> {
    const { pair } = this;
    for (let round = 0; round < 200; round++) {
      for (const gate of this.gates) gate.release();
      for (let i = 0; i < this.calls.length; i++) void this.#read(i, 1000);
      pair.link.deliverAll();
      await settle();
      if (
        pair.link.waiting.client + pair.link.waiting.server === 0 &&
        this.calls.every((c) => c.cancelled || c.call.ends > 0)
      )
        break;
      if (round > 50) pair.runtime.clock.advance(1000);
    }
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < this.calls.length; i++) void this.#read(i, 1000);
      await settle();
    }
    await this.#probe();
    const drained = pair.server.drain({ graceMs: 100 });
    for (let round = 0; round < 10; round++) {
      pair.link.deliverAll();
      await settle();
      pair.runtime.clock.advance(200);
    }
    await drained;
    pair.session.close();
    await settle();
  }

  /** However much came before: a session that is still open still serves. */
  async #probe(): Promise<void> {
    const { pair } = this;
    if (pair.session.state !== "open" || pair.server.draining) return;
    for (let i = 0; i < 8; i++) this.#do({ do: "call", kind: "unary", items: 0, ms: 100_000, size: 1 });
    for (let round = 0; round < 6; round++) {
      for (const gate of this.gates) gate.release();
      pair.link.deliverAll();
      await settle();
    }
    if ((pair.session.state as string) === "open")
      for (const { call, order } of this.calls.slice(-8))
        expect(call.value, "an open session serves").toBe(answer(order));
  }

  check(): void {
    const { pair, calls } = this;
    expect(pair.closed?.message ?? "").not.toMatch(/protocol/);
    for (const { call, order, read, method, cancelled } of calls) {
      const name = `call ${order.key} (${method})`;
      expect(call.ends, `${name} ended`).toBe(cancelled ? 0 : 1);
      const executed = this.executed.get(order.key) ?? 0;
      expect(executed, `${name} executed`).toBeLessThanOrEqual(1);
      if (call.error?.executed === "no") expect(executed, `${name}: said not to be executed`).toBe(0);
      const all = Array.from({ length: order.items }, (_, i) => item(order, i));
      if (!cancelled && call.error === undefined) {
        if (method === "unary") expect(call.value, name).toBe(answer(order));
        else if (method === "client") expect(call.value, name).toEqual(all);
        else expect(read, name).toEqual(all);
      } else if (!cancelled) expect(all.slice(0, read.length), name).toEqual(read);
    }
    expect(pair.session.pending, "calls left on the client").toBe(0);
    expect(pair.server.running, "calls left on the server").toBe(0);
    expect(this.unended(), "calls left in the server's counters").toBe(0);
    expect(pair.server.connections, "connections left").toBe(0);
    expect(this.open, "generators left open").toBe(0);
    expect(pair.runtime.clock.timers, "timers left").toBe(0);
  }
}

const answer = (order: Order): string => `answer ${order.key}`;
const item = (order: Order, i: number): string => `${order.key}:${i}:${"x".repeat(order.size)}`;

test("under any schedule: every call ends once, credit holds, no answers are swapped, nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, small) => {
      const world = new World();
      world.pair = await joinPair({
        handlers: world.handlers,
        link: { automatic: false, highWaterBytes: 2000, ...(small && { maxFrameBytes: 300 }) },
        client: { limits: { streamWindowBytes: 1024, maxCalls: 8, helloMs: 1_000_000 } },
        server: { limits: { streamWindowBytes: 512, maxCalls: 6, helloMs: 1_000_000 } },
      });
      world.pair.link.deliverAll();
      await settle();
      world.pair.link.deliverAll();
      await settle();
      await world.run(steps);
      await world.finish();
      world.check();
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
}, 90_000);
