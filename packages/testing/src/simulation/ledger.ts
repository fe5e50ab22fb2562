import { type Interceptor, type Invocation, type Outcome, RpcError } from "@skein/core";
import type { Machine } from "./machine.ts";
import type { Trace } from "./trace.ts";
import { encoded } from "./wire-values.ts";

/** How a call or a handler ended; values as the codec writes them. */
export type Ended =
  | { readonly kind: "value"; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "error"; readonly error: unknown }
  /** Its reader went away. */
  | { readonly kind: "left" };

/** A call as its caller knows it. Times of the world, ms. */
export interface CallRecord {
  readonly id: string;
  readonly caller: Machine;
  readonly service: string;
  readonly method: string;
  readonly streaming: boolean;
  readonly idempotent: boolean;
  readonly began: number;
  readonly deadline: number;
  /** Items that came, of calls that give a stream. */
  readonly items: (Uint8Array | undefined)[];
  endedAt: number;
  ended: Ended | undefined;
}

/** A handler that was entered for it. */
export interface Execution {
  readonly call: string;
  readonly machine: Machine;
  readonly service: string;
  readonly method: string;
  readonly began: number;
  readonly items: (Uint8Array | undefined)[];
  endedAt: number | undefined;
  ended: Ended | undefined;
}

/** Travels with each call. */
const CALL_ID = "sim-call";

/** What both sides write down: who called what, who executed it, and how each ended. */
export class Ledger {
  readonly calls: CallRecord[] = [];
  readonly executions: Execution[] = [];
  readonly #counts = new Map<Machine, number>();
  readonly #now: () => number;
  readonly #trace: Trace;

  constructor(now: () => number, trace: Trace) {
    this.#now = now;
    this.#trace = trace;
  }

  /** The callers' side. Put first, so that what other interceptors do belongs to the call. */
  caller(machine: Machine): Interceptor {
    return (next) => (call) => {
      if (call.method.startsWith("$")) return next(call);
      const record = this.#begin(machine, call);
      call.metadata = { ...call.metadata, [CALL_ID]: record.id };
      const ended = (how: Ended): void => {
        record.ended = how;
        record.endedAt = this.#now();
        this.#trace.add(machine.name, `call ${record.id} ends: ${describe(how)}`);
      };
      return observe(() => next(call), record.streaming, record.items, ended);
    };
  }

  #begin(machine: Machine, call: Invocation): CallRecord {
    const { expiresAt, idempotent } = call as unknown as { expiresAt?: number; idempotent?: boolean };
    if (expiresAt === undefined || idempotent === undefined)
      throw new Error("the ledger finds no deadline in the client's call");
    const record: CallRecord = {
      id: `${machine.name}/${this.#next(machine)}`,
      caller: machine,
      service: call.service,
      method: call.method,
      streaming: givesStream(call),
      idempotent,
      began: this.#now(),
      deadline: machine.worldTime(expiresAt),
      items: [],
      endedAt: Number.POSITIVE_INFINITY,
      ended: undefined,
    };
    this.calls.push(record);
    this.#trace.add(machine.name, `call ${record.id} ${call.service}.${call.method}`);
    return record;
  }

  #next(machine: Machine): number {
    const n = (this.#counts.get(machine) ?? 0) + 1;
    this.#counts.set(machine, n);
    return n;
  }

  /** The servers' side. Put last, next to the handler. */
  server(machine: Machine): Interceptor {
    return (next) => (call) => {
      const id = call.metadata[CALL_ID];
      if (id === undefined) return next(call);
      const { service, method } = call;
      const execution: Execution = {
        call: id,
        machine,
        service,
        method,
        began: this.#now(),
        items: [],
        endedAt: undefined,
        ended: undefined,
      };
      this.executions.push(execution);
      this.#trace.add(machine.name, `executes ${id} ${service}.${method}`);
      return observe(
        () => next(call),
        givesStream(call),
        execution.items,
        (how) => {
          execution.ended = how;
          execution.endedAt = this.#now();
        },
      );
    };
  }
}

function givesStream(call: Invocation): boolean {
  return call.kind === "server-stream" || call.kind === "bidi-stream";
}

function observe(
  start: () => Outcome,
  streaming: boolean,
  items: (Uint8Array | undefined)[],
  ended: (how: Ended) => void,
): Outcome {
  let outcome: Outcome;
  try {
    outcome = start();
  } catch (error) {
    ended({ kind: "error", error });
    throw error;
  }
  if (streaming) return observeItems(outcome as AsyncIterable<unknown>, items, ended);
  return (outcome as Promise<unknown>).then(
    (value) => {
      ended({ kind: "value", bytes: encoded(value) });
      return value;
    },
    (error: unknown) => {
      ended({ kind: "error", error });
      throw error;
    },
  );
}

async function* observeItems(
  source: AsyncIterable<unknown>,
  items: (Uint8Array | undefined)[],
  ended: (how: Ended) => void,
): AsyncGenerator<unknown> {
  let how: Ended = { kind: "left" };
  try {
    for await (const item of source) {
      items.push(encoded(item));
      yield item;
    }
    how = { kind: "value", bytes: undefined };
  } catch (error) {
    how = { kind: "error", error };
    throw error;
  } finally {
    ended(how);
  }
}

export function describe(how: Ended): string {
  if (how.kind !== "error") return how.kind === "value" ? "answered" : "left by its reader";
  const { error } = how;
  if (!RpcError.is(error)) return `threw ${String(error)}`;
  return `${error.code}, executed: ${error.executed}, ${error.message}`;
}
