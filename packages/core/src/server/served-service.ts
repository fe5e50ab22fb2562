import type { Endpoint, ServiceDefinition } from "../endpoint.ts";
import type { Interceptor, Invocation, Outcome } from "../interceptor.ts";
import type { EndpointRow } from "../protocol/hello.ts";
import { PRIORITIES } from "./admission-queue.ts";
import { describeService, type RegistrationDescription } from "./describe.ts";
import type { MethodGate } from "./method-gate.ts";
import { MethodStats } from "./method-stats.ts";
import type { CalledEndpoint, ServerCall } from "./server-call.ts";

/** Answers what a service offers: every service has it, nobody can define it. */
export const DESCRIBE = "$describe";

/** An endpoint made ready to be called: looked up by number, never by name. */
export interface ServedEndpoint extends CalledEndpoint {
  readonly definition: Endpoint;
  readonly takesStream: boolean;
  readonly givesStream: boolean;
  /** Interceptors, then the handler. */
  readonly invoke: (call: Call) => unknown;
  readonly stats: MethodStats;
  /** For methods with limits, once their server has them. */
  gate: MethodGate<Call> | undefined;
}

/** A call as sessions and dispatcher pass it. */
export type Call = ServerCall<ServedEndpoint>;

export interface ServedService {
  readonly definition: ServiceDefinition;
  readonly instance: string;
  readonly endpoints: readonly ServedEndpoint[];
  /** For HELLO; ids are indexes into `endpoints`. */
  readonly rows: readonly EndpointRow[];
  draining: boolean;
}

/** Compiles a definition: composes interceptors once, numbers the endpoints. */
export function serveDefinition(
  definition: ServiceDefinition,
  instance: string,
  interceptors: readonly Interceptor[],
  registration?: () => RegistrationDescription | undefined,
): ServedService {
  const all = [...definition.endpoints.values(), describeEndpoint(definition, registration)];
  return {
    definition,
    instance,
    draining: false,
    endpoints: all.map((endpoint) => compile(definition.name, endpoint, interceptors)),
    rows: all.map((e, id) => ({
      id,
      name: e.name,
      kind: e.kind,
      idempotent: e.idempotent,
      timeoutMs: e.timeoutMs,
      priority: e.priority,
    })),
  };
}

function compile(
  service: string,
  definition: Endpoint,
  interceptors: readonly Interceptor[],
): ServedEndpoint {
  const { handler, kind } = definition;
  const givesStream = kind === "server-stream" || kind === "bidi-stream";
  const direct = (call: Call): unknown => {
    call.started = true;
    return handler(call.input, call.context);
  };
  return {
    definition,
    service,
    name: definition.name,
    kind,
    rank: PRIORITIES.indexOf(definition.priority),
    takesStream: kind === "client-stream" || kind === "bidi-stream",
    givesStream,
    invoke:
      interceptors.length === 0 || definition.name === DESCRIBE
        ? direct
        : chain(direct, givesStream, interceptors),
    stats: new MethodStats(),
    gate: undefined,
  };
}

function chain(
  direct: (call: Call) => unknown,
  givesStream: boolean,
  interceptors: readonly Interceptor[],
): (call: Call) => unknown {
  /** Interceptors may rely on a promise, or on an iterable, whatever the handler returned. */
  const last = (call: Invocation): Outcome => {
    const result = direct(call as Call);
    if (givesStream) return isThenable(result) ? flatten(result) : (result as AsyncIterable<unknown>);
    return isThenable(result) ? (result as Promise<unknown>) : Promise.resolve(result);
  };
  return interceptors.reduceRight((next, interceptor) => interceptor(next), last) as (call: Call) => unknown;
}

async function* flatten(result: PromiseLike<unknown>): AsyncGenerator<unknown> {
  yield* (await result) as AsyncIterable<unknown>;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

function describeEndpoint(
  definition: ServiceDefinition,
  registration?: () => RegistrationDescription | undefined,
): Endpoint {
  return {
    name: DESCRIBE,
    kind: "unary",
    idempotent: true,
    timeoutMs: undefined,
    priority: "critical",
    input: undefined,
    output: undefined,
    errors: undefined,
    handler: () => describeService(definition, registration?.()),
  };
}
