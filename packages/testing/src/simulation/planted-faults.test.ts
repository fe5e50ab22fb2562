import { type Interceptor, type Registry, RpcError } from "@skein/core";
import { expect, test, vi } from "vitest";
import type { SimulatedPorts, SimulationOptions } from "./options.ts";
import { simulateSeeds } from "./simulate-seeds.ts";
import { SimulationError } from "./simulation-error.ts";
import { services, shopping } from "./test/shop.ts";
import { CALL, ERROR, RESULT, type TamperedFrame, type Tampering, tamperedTransport } from "./test/tamper.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Faults put into one port each: the rules must find every one of them, and name the rule that it breaks. */
async function found(planted: Partial<SimulationOptions>, seeds = 40): Promise<SimulationError> {
  const run = simulateSeeds(seeds, () => ({
    services,
    clients: 2,
    durationMs: 10_000,
    ttlMs: 10_000,
    body: shopping(10),
    ...planted,
  }));
  const error: unknown = await run.then(
    () => undefined,
    (failed: unknown) => failed,
  );
  if (!(error instanceof SimulationError)) throw new Error(`not found in ${seeds} seeds: ${String(error)}`);
  expect(error.message).toContain(`It replays: SKEIN_SEED=${error.seed} runs it alone.`);
  return error;
}
const rules = (error: SimulationError): string[] => [...new Set(error.violations.map((v) => v.rule))];

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
  const error = await found({ faults: false, ports: onTransport("accepted", twice) });
  expect(rules(error)).toContain("a call that is not idempotent is executed at most once");
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
  const error = await found({ clientOptions: { interceptors: [again] }, faults: { reset: 1 } });
  expect(rules(error)).toEqual(["a call that is not idempotent is executed at most once"]);
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
  const error = await found({ faults: false, ports: onTransport("accepted", crossed) });
  expect(rules(error)).toContain("an answer belongs to its call");
});

test("a server that says of a call that failed that it was not executed", async () => {
  const denies = (): Tampering => ({
    outgoing(frame) {
      if (frame.type === ERROR) frame.last = 0;
    },
  });
  const error = await found({ faults: false, ports: onTransport("accepted", denies) });
  expect(rules(error)).toContain("what is said to be not executed was not executed");
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
  const error = await found({ faults: false, ports: onTransport("dialled", loses) });
  expect(rules(error)).toEqual(["an idempotent call with time does not fail while an instance is well"]);
});

test("a client that never tries again", async () => {
  const error = await found({ clientOptions: { retries: false } });
  expect(rules(error)).toEqual(["an idempotent call with time does not fail while an instance is well"]);
});

test("a client that does not find its deadline", async () => {
  const forgets: Interceptor = (next) => (call) => {
    const answer = next(call);
    return answer instanceof Promise ? answer.catch(() => new Promise(() => {})) : answer;
  };
  const error = await found({ clientOptions: { interceptors: [forgets] } });
  expect(rules(error)).toContain("the body succeeds");
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
  const error = await found({ faults: false, ports });
  expect(rules(error)).toEqual(["nothing is left behind"]);
});

test("a handler that never ends", async () => {
  const own: SimulationOptions["services"] = services.map((service) => ({
    ...service,
    serverOptions: {
      interceptors: [(next) => (call) => (call.method === "take" ? never(next(call)) : next(call))],
    },
  }));
  const error = await found({ faults: false, services: own });
  expect(rules(error)).toEqual(["nothing is left behind"]);
});
const never = (work: unknown): Promise<never> => Promise.resolve(work).then(() => new Promise(() => {}));
