// Calls service `ledger` from a process of its own, so that a load that fills a processor does not slow who measures it.
import { writeFileSync } from "node:fs";
import { setTimeout as turn } from "node:timers/promises";
import { type ClientSession, createClientSession, type RemoteEndpoint } from "@skein/core/internal";
import { plainJsonCodec } from "@skein/core/testing";
import { createTransports, nodeRuntime as runtime } from "skein/internal";
import { wallClock } from "../stage/wall-clock.ts";
import type { CallerDone, CallerOrder, CallerSettings, LoadMix, Phase } from "./caller-protocol.ts";
import { LeanCall } from "./lean-call.ts";

const settings = JSON.parse(process.env.FAULTS_CALLER as string) as CallerSettings;

/** Between two turns of I/O so many calls are made at most: a caller that is late must still read its answers. */
const BURST = 64;

// As many errors as calls: their stacks would cost more than the calls.
Error.stackTraceLimit = 0;

async function connect(address: string): Promise<ClientSession> {
  const transport = createTransports().find((t) => address.startsWith(`${t.scheme}:`));
  if (transport === undefined) throw new Error(`no transport for ${address}`);
  const connection = await transport.dial(address, { timeoutMs: 5000 });
  return new Promise((resolve, reject) => {
    const session = createClientSession({
      runtime,
      connection,
      codecs: [plainJsonCodec],
      service: "ledger",
      instance: undefined,
      limits: settings.limits,
      events: { ready: () => resolve(session), suspect() {}, draining() {}, closed: reject },
    });
  });
}

/** Calls of one phase, by number. */
class PhaseCalls {
  sent = 0;
  readonly #session: ClientSession;
  readonly #mix: LoadMix;
  readonly #prefix: string;
  readonly #usual: RemoteEndpoint;
  readonly #urgent: RemoteEndpoint;
  readonly #calls: LeanCall[] = [];
  #ended = 0;
  #closed = false;
  #done = (): void => {};
  /** All that were made have ended, and no more are made. */
  readonly done = new Promise<void>((resolve) => {
    this.#done = resolve;
  });

  constructor(session: ClientSession, mix: LoadMix, prefix: string) {
    this.#session = session;
    this.#mix = mix;
    this.#prefix = prefix;
    this.#usual = session.endpoints.get(mix.method) as RemoteEndpoint;
    this.#urgent = session.endpoints.get("urgent") as RemoteEndpoint;
  }

  /** Makes the next one. */
  next(intendedAt: number, onEnd?: () => void): void {
    const { method, size, timeoutMs, urgentIn } = this.#mix;
    const urgent = this.sent % urgentIn === 0;
    const id = `${this.#prefix}${this.sent++}`;
    const spins = method === "spin";
    const input = spins || urgent ? { id, us: spins ? size : 0 } : { id, ms: size };
    const endpoint = urgent ? this.#urgent : this.#usual;
    const call = new LeanCall(endpoint, input, runtime.clock.monotonic(), timeoutMs, intendedAt, () => {
      this.#ended++;
      onEnd?.();
      this.#look();
    });
    this.#calls.push(call);
    this.#session.start(call);
  }

  close(): void {
    this.#closed = true;
    this.#look();
  }

  #look(): void {
    if (this.#closed && this.#ended === this.sent) this.#done();
  }

  get records() {
    return this.#calls.map((call) => call.record);
  }
}

/** As many calls as can be answered: each of `inFlight` makes its next when it has its answer. */
function closed(calls: PhaseCalls, { ms, inFlight }: Phase): void {
  const until = wallClock() + ms;
  let going = inFlight as number;
  const one = (): void => {
    const now = wallClock();
    if (now < until) calls.next(now, one);
    else if (--going === 0) calls.close();
  };
  for (let i = 0; i < (inFlight as number); i++) one();
}

/** Calls at a rate. Resolves once the last was made, some time before the last is answered. */
async function open(calls: PhaseCalls, { ms, ratePerSecond }: Phase): Promise<void> {
  const everyMs = 1000 / (ratePerSecond as number);
  const began = wallClock();
  for (let now = began; now < began + ms; now = wallClock()) {
    const due = Math.min((now - began) / everyMs - calls.sent, BURST);
    for (let n = 0; n < due; n++) calls.next(began + calls.sent * everyMs);
    if (due < BURST) await turn(Math.max(1, began + calls.sent * everyMs - wallClock()));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  calls.close();
}

/** Phases follow each other at once: one's last answers come while the next is sent. */
async function run({ mix, phases }: CallerOrder, session: ClientSession): Promise<readonly PhaseCalls[]> {
  const all: PhaseCalls[] = [];
  for (const phase of phases) {
    const calls = new PhaseCalls(session, mix, phase.prefix);
    all.push(calls);
    if (phase.ratePerSecond !== undefined) await open(calls, phase);
    else {
      closed(calls, phase);
      await calls.done;
    }
  }
  for (const { done } of all) await done;
  return all;
}

let session: Promise<ClientSession> | undefined;

process.on("message", async (order: CallerOrder) => {
  session ??= connect(order.address);
  const before = performance.eventLoopUtilization();
  const all = await run(order, await session);
  const { utilization } = performance.eventLoopUtilization(before);
  writeFileSync(order.file, JSON.stringify(all.flatMap((calls) => calls.records)));
  process.send?.({ kind: "done", busy: utilization } satisfies CallerDone);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" });
