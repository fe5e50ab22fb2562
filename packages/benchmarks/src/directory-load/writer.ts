import { defineService, serve, unary } from "skein";
import { type FromWriter, nowMs, quantile, type ToWriter } from "./messages.ts";
import { Population, SERVICE } from "./records.ts";
import { centreStore, etcdStore, type Store } from "./stores.ts";

/** Servers that answer for all instances. */
const SERVERS = 3;
/** One in so many changes is looked for. */
const SAMPLED = 5;

export const contract = defineService(SERVICE, { ping: unary<string, string>() });

/** The process that is the rest of the world: servers, and whatever changes in the registry. */
export async function runWriter(kind: string, url: string): Promise<void> {
  const tell = (message: FromWriter): void => void process.send?.(message);
  const service = contract.implement({ ping: async (text) => text });
  const serving = { registry: "memory:", listen: "tcp://127.0.0.1:0", log: "silent" } as const;
  const apps = await Promise.all(Array.from({ length: SERVERS }, () => serve(service, serving)));
  const population = new Population(apps.map((app) => app.address));
  const store = kind === "etcd" ? etcdStore(url) : await centreStore(url);
  process.on("message", async (message: ToWriter) => {
    if (message.do === "fill") {
      const started = nowMs();
      await store.fill(Array.from({ length: message.count }, () => population.add()));
      tell({ is: "filled", tookMs: nowMs() - started });
    } else if (message.do === "change") {
      tell(await change(population, store, message, tell));
    } else {
      store.close();
      process.exit(0);
    }
  });
}

async function change(
  population: Population,
  store: Store,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  tell: (message: FromWriter) => void,
): Promise<FromWriter> {
  const count = perSecond * seconds;
  const started = nowMs();
  const tookMs: number[] = [];
  const underWay = new Set<Promise<void>>();
  for (let n = 0; n < count; n++) {
    const wait = started + (n * 1000) / perSecond - nowMs();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const written = population.change();
    const { id, instance } = written;
    const at = nowMs();
    if (n % SAMPLED === 0) tell({ is: "sample", sample: { id, weight: instance?.weight, at } });
    const writing = store.write(written).then(() => {
      tookMs.push(nowMs() - at);
      underWay.delete(writing);
    });
    underWay.add(writing);
  }
  await Promise.all(underWay);
  return {
    is: "changed",
    perSecond: (1000 * count) / (nowMs() - started),
    writeP99: quantile(tookMs, 0.99),
    truth: population.all.map(({ id, instance }) => [id, instance?.weight ?? 0] as const),
  };
}
