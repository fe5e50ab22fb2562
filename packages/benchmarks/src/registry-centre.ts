import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Logger, type Runtime, silentLogger } from "@skein/core";
import { nodeRuntime } from "skein/internal";

const helpText = `npm run bench:centre -- [--instances 2000] [--watchers 200] [--seconds 20] [--rounds 20]

The HTTP registry centre in a process of its own, with its snapshot file: instances that send heartbeats, each over a connection of its own, and
watchers by long poll. Once with 20 services, once with all in one.
`;
const TTL_MS = 30_000;
const CENTRE = "--centre";

/** What the centre's process says of itself, ms. */
interface Figures {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly delayP99: number;
  readonly delayMax: number;
  readonly rssMb: number;
}

interface Load {
  readonly instances: number;
  readonly watchers: number;
  readonly seconds: number;
  readonly rounds: number;
}

// ——— the centre's process

type StartCentre = (options: {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly listen: string;
  readonly dataFile: string;
}) => Promise<{ readonly url: string; close(): Promise<void> }>;

async function serveCentre(dataFile: string): Promise<void> {
  const skein = createRequire(import.meta.url).resolve("skein");
  const path = createRequire(skein).resolve("@skein/registry/centre");
  const { startCentre } = (await import(pathToFileURL(path).href)) as { startCentre: StartCentre };
  const centre = await startCentre({
    runtime: nodeRuntime,
    logger: silentLogger,
    listen: "127.0.0.1:0",
    dataFile,
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let cpu = process.cpuUsage();
  let since = performance.now();
  process.on("message", (message) => {
    if (message === "stop") return void centre.close().then(() => process.exit(0));
    const used = process.cpuUsage(cpu);
    const figures: Figures = {
      cpuMs: (used.user + used.system) / 1000,
      wallMs: performance.now() - since,
      delayP99: delay.percentile(99) / 1e6,
      delayMax: delay.max / 1e6,
      rssMb: process.memoryUsage.rss() / 2 ** 20,
    };
    delay.reset();
    cpu = process.cpuUsage();
    since = performance.now();
    process.send?.(figures);
  });
  process.send?.(centre.url);
}

/** Since it was asked last. */
async function figuresOf(centre: ChildProcess): Promise<Figures> {
  centre.send("figures");
  const [figures] = (await once(centre, "message")) as [Figures];
  return figures;
}

// ——— the load

/** One connection, as a process has. */
class Connection {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  ask(method: "GET" | "POST", path: string, body?: object): Promise<string> {
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const asked = request({ hostname, port, method, path, agent: this.#agent, headers }, (response) => {
        let text = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () =>
          response.statusCode === 200
            ? resolve(text)
            : reject(new Error(`${path}: ${response.statusCode}: ${text}`)),
        );
        response.on("error", reject);
      });
      asked.on("error", reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

class LoadedInstance {
  readonly connection: Connection;
  readonly #n: number;
  readonly #service: string;
  #lease = "";
  #weight = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, n: number, service: string) {
    this.connection = new Connection(url);
    this.#n = n;
    this.#service = service;
  }

  /** Puts its record, another one each time. */
  async put(): Promise<void> {
    if (this.#lease === "") {
      const granted = await this.connection.ask("POST", "/lease", { ttlMs: TTL_MS });
      this.#lease = JSON.parse(granted).lease;
    }
    const instance = {
      service: this.#service,
      version: "1.0.0",
      id: `00000000-0000-4000-8000-${String(this.#n).padStart(12, "0")}`,
      addresses: [{ protocol: "skein", url: `tcp://10.0.${this.#n >> 8}.${this.#n & 255}:8080` }],
      weight: this.#weight++,
      status: "serving",
      startedAt: "2026-01-01T00:00:00.000Z",
      metadata: { host: `node-${this.#n}`, region: "europe-west" },
    };
    await this.connection.ask("POST", "/register", { lease: this.#lease, instance });
  }

  /** A heartbeat each TTL/3, from some moment within the first third on. */
  beat(latencies: number[], failed: unknown[]): void {
    const once = async (): Promise<void> => {
      this.#timer = setTimeout(once, TTL_MS / 3);
      const started = performance.now();
      try {
        await this.connection.ask("POST", "/heartbeat", { lease: this.#lease });
        latencies.push(performance.now() - started);
      } catch (error) {
        failed.push(error);
      }
    };
    this.#timer = setTimeout(once, (Math.random() * TTL_MS) / 3);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.connection.close();
  }
}

class LoadedWatcher {
  index = 0;
  answers = 0;
  readonly #connection: Connection;
  readonly #service: string;
  readonly #onAnswer: () => void;
  #stopped = false;

  constructor(url: string, service: string, onAnswer: () => void) {
    this.#connection = new Connection(url);
    this.#service = service;
    this.#onAnswer = onAnswer;
    void this.#watch();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const path = `/services/${this.#service}?index=${this.index}&wait=55s`;
      const text = await this.#connection.ask("GET", path).catch((error) => {
        if (!this.#stopped) throw error;
        return "";
      });
      this.index = Number(/"index":(\d+)/.exec(text.slice(0, 300))?.[1] ?? 0);
      this.answers++;
      this.#onAnswer();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#connection.close();
  }
}

// ——— what is measured

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const say = (what: string, figures: string): void =>
  void process.stdout.write(`  ${what.padEnd(42)}${figures}\n`);
const ofCentre = ({ cpuMs, wallMs, delayP99, delayMax, rssMb }: Figures): string =>
  `CPU ${((100 * cpuMs) / wallMs).toFixed(1)} % of a core, event-loop delay p99 ${ms(delayP99)}, max ${ms(delayMax)}, ${rssMb.toFixed(0)} MB`;

async function measure(centre: ChildProcess, url: string, load: Load, services: number): Promise<void> {
  const service = (n: number): string => `service-${n % services}`;
  const instances = Array.from({ length: load.instances }, (_, n) => new LoadedInstance(url, n, service(n)));
  let answered = (): void => {};
  const watchers: LoadedWatcher[] = [];
  const latencies: number[] = [];
  const failed: unknown[] = [];
  try {
    await figuresOf(centre);
    const started = performance.now();
    await Promise.all(instances.map((instance) => instance.put()));
    say("all registered at once in", ms(performance.now() - started));
    say("  meanwhile", ofCentre(await figuresOf(centre)));
    for (let n = 0; n < load.watchers; n++)
      watchers.push(new LoadedWatcher(url, service(n), () => answered()));
    await pass(2000);
    for (const instance of instances) instance.beat(latencies, failed);
    await figuresOf(centre);
    await pass(load.seconds * 1000);
    say(`heartbeats, ${load.seconds} s`, ofCentre(await figuresOf(centre)));
    say(
      `  ${latencies.length} heartbeats, ${failed.length} failed`,
      `p50 ${ms(quantile(latencies, 0.5))}, p99 ${ms(quantile(latencies, 0.99))}, max ${ms(quantile(latencies, 1))}`,
    );
    const before = latencies.length;
    const seen: number[] = [];
    for (let round = 0; round < load.rounds; round++) {
      seen.push(await changeAll(instances.slice(0, services), watchers, (next) => (answered = next)));
      await pass(200);
    }
    const during = latencies.slice(before);
    say(
      `a change of each service, ${load.rounds} times`,
      `all ${load.watchers} watchers see it after p50 ${ms(quantile(seen, 0.5))}, max ${ms(quantile(seen, 1))}`,
    );
    say("  meanwhile", `${ofCentre(await figuresOf(centre))}; heartbeats p99 ${ms(quantile(during, 0.99))}`);
    if (failed.length > 0) throw new Error(`${failed.length} heartbeats failed: ${failed[0]}`);
  } finally {
    for (const each of [...watchers, ...instances]) each.stop();
  }
}

/** Ms until every watcher was answered with something new. */
async function changeAll(
  changing: readonly LoadedInstance[],
  watchers: readonly LoadedWatcher[],
  onAnswer: (next: () => void) => void,
): Promise<number> {
  const known = watchers.map(({ index }) => index);
  const started = performance.now();
  const all = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("a watcher saw no change within 30 s")), 30_000);
    onAnswer(() => {
      if (watchers.some(({ index }, n) => index <= (known[n] as number))) return;
      clearTimeout(late);
      resolve();
    });
  });
  await Promise.all([...changing.map((instance) => instance.put()), all]);
  onAnswer(() => {});
  return performance.now() - started;
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const number = (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`"${text}" is no whole number from 1 on`);
    return value;
  };
  const { values } = parseArgs({
    args: [...args],
    options: {
      instances: { type: "string", default: "2000" },
      watchers: { type: "string", default: "200" },
      seconds: { type: "string", default: "20" },
      rounds: { type: "string", default: "20" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const load: Load = {
    instances: number(values.instances),
    watchers: number(values.watchers),
    seconds: number(values.seconds),
    rounds: number(values.rounds),
  };
  process.stdout.write(
    `Node ${process.version}; ${load.instances} instances, ${load.watchers} watchers, TTL 30 s\n`,
  );
  for (const services of [20, 1]) {
    process.stdout.write(`\n${services === 1 ? "one service" : `${services} services`}\n`);
    const directory = mkdtempSync(join(tmpdir(), "skein-bench-centre-"));
    const centre = fork(fileURLToPath(import.meta.url), [CENTRE, join(directory, "registry.json")]);
    try {
      const [url] = (await once(centre, "message")) as [string];
      await measure(centre, url, load, services);
      centre.send("stop");
      await once(centre, "exit");
    } finally {
      centre.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return 0;
}

const [first, dataFile] = process.argv.slice(2);
if (first === CENTRE) await serveCentre(dataFile as string);
else process.exitCode = await main(process.argv.slice(2));
