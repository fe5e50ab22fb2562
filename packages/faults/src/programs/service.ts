// A service that writes down what it executes before it does so. Its parent tells it over IPC to stand still, to be slow or to fail.
import { openSync, writeSync } from "node:fs";
import { type CallContext, createClient, Rpc, RpcError, Service, serve } from "skein";
import type { Receipt } from "../ledger/records.ts";
import { naiveRetries } from "../stage/naive-retries.ts";
import type { LedgerApi, Order, ServiceSettings, Work } from "./protocol.ts";

const settings = JSON.parse(process.env.FAULTS_SERVICE as string) as ServiceSettings;
const ledger = openSync(settings.ledger, "a");
const now = (): number => performance.timeOrigin + performance.now();
let executions = 0;
let slowness = 1;
let failing = 0;
/** Handlers of `held`. */
let holding = 0;

/** Written before anything is done: a process that is killed has told what it had begun. */
function begin(method: string, call: string, ctx: CallContext): Receipt {
  const by = `${process.pid}:${++executions}`;
  writeSync(ledger, `${call} ${by} ${method} ${now().toFixed(3)} ${ctx.timeLeftMs.toFixed(6)}\n`);
  if (failing > 0 && Math.random() < failing) throw new RpcError("INTERNAL", "told to fail");
  return { call, by };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms * slowness));

function spin(us: number): void {
  const until = performance.now() + (us * slowness) / 1000;
  while (performance.now() < until);
}

const interceptors = settings.naiveRetries === undefined ? [] : [naiveRetries(settings.naiveRetries)];
const next =
  settings.next === undefined ? undefined : createClient({ log: "silent", interceptors, ...settings.client });

@Service(settings.name, { version: "1.0.0" })
class LedgerService implements LedgerApi {
  @Rpc({ idempotent: true })
  async again({ id, ms }: Work, ctx: CallContext): Promise<Receipt> {
    const receipt = begin("again", id, ctx);
    if (ms > 0) await wait(ms);
    return receipt;
  }

  @Rpc()
  async once({ id, ms }: Work, ctx: CallContext): Promise<Receipt> {
    const receipt = begin("once", id, ctx);
    if (ms > 0) await wait(ms);
    return receipt;
  }

  /** Holds the processor. */
  @Rpc({ idempotent: true })
  spin({ id, us }: { id: string; us: number }, ctx: CallContext): Receipt {
    const receipt = begin("spin", id, ctx);
    spin(us);
    return receipt;
  }

  @Rpc({ idempotent: true, priority: "critical" })
  urgent({ id, us }: { id: string; us: number }, ctx: CallContext): Receipt {
    const receipt = begin("urgent", id, ctx);
    spin(us);
    return receipt;
  }

  /** Waits as `again` does, of sixteen calls at once. */
  @Rpc({ idempotent: true, limits: { concurrency: 16 } })
  async few({ id, ms }: Work, ctx: CallContext): Promise<Receipt> {
    const receipt = begin("few", id, ctx);
    await wait(ms);
    return receipt;
  }

  /** Goes on until it is aborted, for `ms` at most. */
  @Rpc()
  async held({ id, ms }: Work, ctx: CallContext): Promise<Receipt> {
    const receipt = begin("held", id, ctx);
    holding++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    holding--;
    return receipt;
  }

  /** `count` items, one every `ms`. */
  @Rpc()
  async *items({ id, count, ms }: Work & { count: number }, ctx: CallContext): AsyncGenerator<string> {
    begin("items", id, ctx);
    for (let n = 0; n < count; n++) {
      if (ms > 0) await wait(ms);
      yield `${id}/${n}`;
    }
  }

  /** Asks the next service, which asks the next. Tells its parent when it has ended or been stopped. */
  @Rpc({ idempotent: true })
  async hop(work: Work, ctx: CallContext): Promise<Receipt> {
    const receipt = begin("hop", work.id, ctx);
    let going = true;
    const ended = (): void => {
      if (going) process.send?.({ kind: "hop-ended", call: work.id, at: now() });
      going = false;
    };
    ctx.onAbort(ended);
    try {
      if (next === undefined) await wait(work.ms);
      else await next.service<LedgerApi>(settings.next as string).hop(work);
    } finally {
      ended();
    }
    return receipt;
  }
}

process.on("message", (order: Order) => {
  if (order.kind === "block") {
    spin((order.ms * 1000) / slowness);
    process.send?.({ kind: "unblocked", at: now() });
  } else if (order.kind === "slow") slowness = order.factor;
  else if (order.kind === "fail") failing = order.share;
  else if (order.kind === "usage") {
    (globalThis as { gc?: () => void }).gc?.();
    process.send?.({
      kind: "usage",
      heapBytes: process.memoryUsage().heapUsed,
      holding,
    });
  }
});

// Its parent has gone, in whatever way; maybe while this program was being read.
process.on("disconnect", () => process.exit(0));
if (!process.connected) process.exit(0);
const app = await serve(new LedgerService(), { log: "silent", ...settings.serve });
process.send?.({ kind: "ready", addresses: app.services().flatMap((i) => i.addresses.map((a) => a.url)) });
