import { figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import type { Finding, Scenario } from "../scenario.ts";
import { type CallCounter, callCounter } from "../stage/call-counter.ts";
import { naiveRetries } from "../stage/naive-retries.ts";
import { OpenLoad } from "../stage/open-load.ts";
import type { Stage } from "../stage/stage.ts";

const RATE = 200;
const TIMEOUT_MS = 1000;
/** What either instance of C lets through: two calls in three are refused. */
const ALLOWED_PER_SECOND = 33;
/** So often one of the connections to C is cut, by turns. */
const CUT_MS = 250;
/** Of handlers, where connections are cut: two in five are in mid-call then. */
const CUT_HANDLER_MS = 200;
const AT_MOST = 1.2;
/** What the naive ones make of a call that fails: retries in each layer. */
const NAIVE = 3;

interface Chain {
  readonly name: string;
  readonly counters: readonly CallCounter[];
  /** Of A, whose ledger tells what became of its callers' calls. */
  readonly pid: number;
  call(id: string): Promise<unknown>;
}

export const storm: Scenario = {
  name: "storm",
  fault: "retry storm A - B - C: C refuses two in three, then two in five are cut",
  control: `policies, but each layer retries whatever failed, ${NAIVE} times`,
  async run(stage, { full, control }) {
    const count = full ? 4000 : 600;
    const refusing = await chain(stage, "refusing", control, ALLOWED_PER_SECOND);
    const refused = await load(stage, refusing, count);
    const cutting = await chain(stage, "cutting", control);
    let turn = 0;
    stage.every(CUT_MS, () => cutting.counters[turn++ % 2]?.reset());
    const cut = await load(stage, cutting, count);
    const begun = stage.executions();
    const first = [refusing, cutting].map((c) => `${c.pid}:`);
    const ofFirst = begun.filter((e) => first.some((pid) => e.by.startsWith(pid)));
    const facts = checkLedger([...refused, ...cut], ofFirst, { mayFail: () => true });
    return outcome(facts, [...told(refusing, refused), ...told(cutting, cut)]);
  },
};

/** Three services, C with two instances. */
async function chain(stage: Stage, name: string, naive: boolean, limit?: number): Promise<Chain> {
  const [a, b, c] = [`${name}-a`, `${name}-b`, `${name}-c`];
  const serve = limit === undefined ? {} : { limits: { maxCallsPerSecond: limit } };
  const last = await stage.startMany(2, { name: c, serve });
  const counters = await Promise.all(last.map((service) => callCounter(stage, service.port)));
  const registry = `static://${c}=${counters.map((counter) => `127.0.0.1:${counter.port}`).join(",")}`;
  const retries = naive ? { naiveRetries: NAIVE } : {};
  await stage.start({ name: b, next: c, client: { registry }, ...retries });
  const { pid } = await stage.start({ name: a, next: b, ...retries });
  const client = stage.client(naive ? { interceptors: [naiveRetries(NAIVE)] } : {});
  const api = client.service<LedgerApi>(a as string);
  const handlerMs = limit === undefined ? CUT_HANDLER_MS : 1;
  const call = (id: string) => api.hop({ id, ms: handlerMs }, { timeoutMs: TIMEOUT_MS });
  return { name, counters, pid, call };
}

async function load(stage: Stage, { name, call }: Chain, count: number): Promise<readonly CallRecord[]> {
  const planned = { method: "hop", idempotent: true, timeoutMs: TIMEOUT_MS, send: call };
  const made = new OpenLoad(stage, RATE, () => planned, name);
  await made.more(count);
  return await made.stop();
}

function told({ name, counters }: Chain, calls: readonly CallRecord[]): readonly Finding[] {
  const arrived = counters.reduce((sum, counter) => sum + counter.calls, 0);
  const failed = calls.filter((call) => call.error !== undefined).length;
  return [
    figure(
      `${name}: load at C, of the calls`,
      Math.round((arrived / calls.length) * 1000) / 1000,
      "x",
      AT_MOST,
    ),
    figure(`${name}: calls failed`, (failed / calls.length) * 100, "%"),
  ];
}
