// Calls service `ledger` from a process of its own, so that a load that fills a processor does not slow who measures it.
import { writeFileSync } from "node:fs";
import { setTimeout as turn } from "node:timers/promises";
import { createClient, RpcError } from "skein";
import type { CallRecord, Receipt } from "../ledger/records.ts";
import { wallClock } from "../stage/open-load.ts";
import type { CallerOrder, CallerSettings, LoadMix, Phase } from "./caller-protocol.ts";
import type { LedgerApi } from "./protocol.ts";

const settings = JSON.parse(process.env.FAULTS_CALLER as string) as CallerSettings;
const client = createClient({ log: "silent", ...settings.client });
const api = client.service<LedgerApi>("ledger");

/** Between two turns of I/O so many calls are made at most: a caller that is late must still read its answers. */
const BURST = 64;

// As many errors as calls: their stacks would cost more than the calls.
Error.stackTraceLimit = 0;

function send({ method, size, timeoutMs, urgentIn }: LoadMix, n: number, id: string): Sent {
  const options = { timeoutMs };
  if (n % urgentIn === 0)
    return { method: "urgent", answer: api.urgent({ id, us: method === "spin" ? size : 0 }, options) };
  if (method === "spin") return { method, answer: api.spin({ id, us: size }, options) as Promise<Receipt> };
  return { method, answer: api.few({ id, ms: size }, options) };
}

interface Sent {
  readonly method: string;
  readonly answer: Promise<Receipt>;
}

/** Calls of one phase, by number. OpenLoad does the same for any calls, at three times the price. */
class PhaseCalls {
  readonly records: CallRecord[] = [];
  sent = 0;
  readonly #mix: LoadMix;
  readonly #prefix: string;

  constructor(mix: LoadMix, prefix: string) {
    this.#mix = mix;
    this.#prefix = prefix;
  }

  /** Makes the next one. Resolves when it has ended. */
  next(intendedAt: number): Promise<void> {
    const id = `${this.#prefix}${this.sent}`;
    const sentAt = wallClock();
    const { method, answer } = send(this.#mix, this.sent++, id);
    const known = { id, method, idempotent: true, timeoutMs: this.#mix.timeoutMs, intendedAt, sentAt };
    return answer.then(
      (receipt) => void this.records.push({ ...known, endedAt: wallClock(), answer: receipt }),
      (failure: unknown) => {
        const { code, message, executed } = RpcError.from(failure);
        this.records.push({ ...known, endedAt: wallClock(), error: { code, message, executed } });
      },
    );
  }
}

/** As many calls as can be answered: each of `inFlight` makes its next when it has its answer. */
async function closed(mix: LoadMix, { prefix, ms, inFlight }: Phase): Promise<readonly CallRecord[]> {
  const calls = new PhaseCalls(mix, prefix);
  const until = wallClock() + ms;
  const one = async (): Promise<void> => {
    for (let now = wallClock(); now < until; now = wallClock()) await calls.next(now);
  };
  await Promise.all(Array.from({ length: inFlight as number }, one));
  return calls.records;
}

/** Calls at a rate; `ended` resolves once the last is answered, some time after the last was sent. */
async function open(mix: LoadMix, { prefix, ms, ratePerSecond }: Phase) {
  const calls = new PhaseCalls(mix, prefix);
  const everyMs = 1000 / (ratePerSecond as number);
  const began = wallClock();
  const pending: Promise<void>[] = [];
  for (let now = began; now < began + ms; now = wallClock()) {
    const due = Math.min((now - began) / everyMs - calls.sent, BURST);
    for (let n = 0; n < due; n++) pending.push(calls.next(began + calls.sent * everyMs));
    if (due < BURST) await turn(Math.max(1, began + calls.sent * everyMs - wallClock()));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return { ended: Promise.all(pending).then(() => calls.records) };
}

/** Phases follow each other at once: one's last answers come while the next is sent. */
async function run(mix: LoadMix, phases: readonly Phase[]): Promise<CallRecord[]> {
  const ended: Promise<readonly CallRecord[]>[] = [];
  for (const phase of phases)
    if (phase.ratePerSecond === undefined) ended.push(Promise.resolve(await closed(mix, phase)));
    else ended.push((await open(mix, phase)).ended);
  return (await Promise.all(ended)).flat();
}

process.on("message", async ({ mix, phases, file }: CallerOrder) => {
  const records = await run(mix, phases);
  writeFileSync(file, JSON.stringify(records));
  process.send?.({ kind: "done" });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" });
