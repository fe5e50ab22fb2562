import { figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { Scenario } from "../scenario.ts";
import { countingProxy } from "../stage/counting-proxy.ts";
import { latencies, latest, quantile } from "../stage/measure.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { mixedLoad } from "./load.ts";

const RATE = 400;

/** Connections that are tried while an instance is dead for `ms`: one a step of a backoff of 100 ms doubling to 5 s with full jitter, twice over. */
function mostProbes(ms: number): number {
  let steps = 1;
  for (let passed = 0, step = 50; passed < ms; passed += step, step = Math.min(2500, step * 2)) steps++;
  return 2 * steps;
}

/** Each instance is reached through a port that outlives it, so that what is tried there meanwhile is seen; the registry goes on listing it. */
export const kill: Scenario = {
  name: "kill",
  fault: "kill -9 one of three under load",
  control: "no retries",
  async run(stage, { full, control }) {
    const times = full ? 20 : 6;
    const proxies = await Promise.all([1, 2, 3].map(() => countingProxy(stage)));
    const start = async (n: number): Promise<ServiceProcess> => {
      const proxy = proxies[n] as (typeof proxies)[number];
      const made = await stage.start();
      proxy.target = made.port;
      return made;
    };
    const services = await Promise.all([0, 1, 2].map(start));
    const registry = `static://ledger=${proxies.map((p) => `127.0.0.1:${p.port}`).join(",")}`;
    const client = stage.client({ registry, retries: !control });
    const load = mixedLoad(stage, client, { ratePerSecond: RATE, timeoutMs: 5000, ms: () => 5 });
    await load.more(RATE / 4);
    let probes = 0;
    for (let i = 0; i < times; i++) {
      const n = i % 3;
      const proxy = proxies[n] as (typeof proxies)[number];
      const before = proxy.accepted;
      await (services[n] as ServiceProcess).end("SIGKILL");
      const died = performance.now();
      await load.more(RATE);
      const deadMs = performance.now() - died;
      probes = Math.max(probes, (proxy.accepted - before) / mostProbes(deadMs));
      services[n] = await start(n);
      await load.answeredBy((services[n] as ServiceProcess).pid);
    }
    const calls = await load.stop();
    const facts = checkLedger(calls, stage.executions());
    return outcome(facts, [
      figure("not idempotent, cut in mid-call", facts.unknown, ""),
      figure("connections tried of those allowed", Math.round(probes * 100) / 100, "", 1),
      figure("after its deadline", latest(calls), "ms", 20),
      figure("p99", quantile(latencies(calls), 0.99), "ms"),
    ]);
  },
};
