import { type Interceptor, type Registry, RpcError } from "@skein/core";
import { expect, test, vi } from "vitest";
import type { SimulatedPorts, SimulationOptions } from "./options.ts";
import { simulate } from "./simulate.ts";
import { SimulationError } from "./simulation-error.ts";
import { services, shopping } from "./test/shop.ts";
import { CALL, ERROR, RESULT, type TamperedFrame, type Tampering, tamperedTransport } from "./test/tamper.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A fault put into one port must be found, by the rule that it breaks; its seed must replay. */
async function finds(rule: string, planted: Partial<SimulationOptions>, seeds = 40): Promise<void> {
  for (let seed = 1; seed <= seeds; seed++) {
    const error = await run(seed, planted);
    if (!rules(error).includes(rule)) continue;
    const again = await run(seed, planted);
    expect(again?.trace).toBe(error?.trace);
    expect(again?.message).toBe(error?.message);
    return;
  }
  throw new Error(`not found in ${seeds} seeds: ${rule}`);
}

async function run(seed: number, planted: Partial<SimulationOptions>): Promise<SimulationError | undefined> {
  const shop = { services, clients: 2, durationMs: 10_000, ttlMs: 10_000, body: shopping(10) };
  return await simulate({ ...shop, ...planted, seed }).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof SimulationError) return error;
      throw error;
    },
  );
}
const rules = (error: SimulationError | undefined): string[] => error?.violations.map((v) => v.rule) ?? [];

const onTransport =
  (side: "dialled" | "accepted", tampering: () => Tampering) =>
  (ports: SimulatedPorts): SimulatedPorts => ({
    ...ports,
    transport: tamperedTransport(ports.transport, side, tampering),
  });

test("a transport that delivers a call twice, the second time late", async () => {
  const twice = (): Tampering => {
    const before: TamperedFrame[] = [];
    return {
      incoming(frame) {
        if (frame.type !== CALL) return [frame];
        before.push(frame);
        const late = before.length > 4 ? before.shift() : undefined;
        return late === undefined ? [frame] : [late, frame];
      },
    };
  };
  await finds("a call that is not idempotent is executed at most once", {
    faults: false,
    ports: onTransport("accepted", twice),
  });
});

test("a client that tries again whatever was said of the first try", async () => {
  const again: Interceptor = (next) => (call) => {
    const first = next(call);
    if (!(first instanceof Promise)) return first;
    return first.catch((error: unknown) => {
      if (RpcError.is(error) && error.code === "UNAVAILABLE") return next(call) as Promise<unknown>;
      throw error;
    });
  };
  await finds("a call that is not idempotent is executed at most once", {
    clientOptions: { interceptors: [again] },
    faults: { reset: 1 },
  });
});

test("a server that answers another stream than the one that asked", async () => {
  const crossed = (): Tampering => {
    const open = new Set<number>();
    return {
      incoming(frame) {
        if (frame.type === CALL) open.add(frame.stream);
        return [frame];
      },
      outgoing(frame) {
        if (frame.type !== RESULT) return;
        open.delete(frame.stream);
        const [other] = open;
        if (other === undefined) return;
        open.delete(other);
        open.add(frame.stream);
        frame.stream = other;
      },
    };
  };
  await finds("an answer belongs to its call", { faults: false, ports: onTransport("accepted", crossed) });
});

test("a server that says of a call that failed that it was not executed", async () => {
  const denies = (): Tampering => ({
    outgoing(frame) {
      if (frame.type === ERROR) frame.last = 0;
    },
  });
  await finds("what is said to be not executed was not executed", {
    faults: false,
    ports: onTransport("accepted", denies),
  });
});

test("a client that loses one answer in five", async () => {
  const loses = (): Tampering => {
    let answers = 0;
    return {
      // The ends of streams, which have no value, arrive; and descriptions of services, which are long.
      incoming(frame) {
        const { length } = frame.bytes;
        const counts = frame.type === RESULT && length > 16 && length < 100;
        return counts && ++answers % 5 === 0 ? [] : [frame];
      },
    };
  };
  await finds("an idempotent call with time does not fail while an instance is well", {
    faults: false,
    ports: onTransport("dialled", loses),
  });
});

test("a client that never tries again", async () => {
  await finds("an idempotent call with time does not fail while an instance is well", {
    clientOptions: { retries: false },
  });
});

test("a client that does not find its deadline", async () => {
  const forgets: Interceptor = (next) => (call) => {
    const answer = next(call);
    return answer instanceof Promise ? answer.catch(() => new Promise(() => {})) : answer;
  };
  await finds("the body succeeds", { clientOptions: { interceptors: [forgets] } });
});

test("a client that leaves its watches of the registry behind", async () => {
  const forever = (registry: Registry): Registry => ({
    ...registry,
    name: registry.name,
    lease: (options) => registry.lease(options),
    get: (service) => registry.get(service),
    list: () => registry.list(),
    close: () => registry.close(),
    watch: (service) => registry.watch(service, { signal: new AbortController().signal }),
  });
  const ports = (own: SimulatedPorts): SimulatedPorts => ({ ...own, registry: forever(own.registry) });
  await finds("nothing is left behind", { faults: false, ports });
});

test("a handler that never ends", async () => {
  const own: SimulationOptions["services"] = services.map((service) => ({
    ...service,
    serverOptions: {
      interceptors: [(next) => (call) => (call.method === "take" ? never(next(call)) : next(call))],
    },
  }));
  await finds("nothing is left behind", { faults: false, services: own });
});
const never = (work: unknown): Promise<never> => Promise.resolve(work).then(() => new Promise(() => {}));
