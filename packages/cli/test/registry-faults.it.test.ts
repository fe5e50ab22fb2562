import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, silentLogger } from "skein";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "./processes.ts";

/** Real processes: a centre, three services, a client that calls all the while. */
const HERE = import.meta.dirname;
const NODE = ["--conditions=skein-source", "--import", "tsx"];
const TTL_MS = 3000;
const SERVICES = 3;
/** What is promised after the centre answers again; a busy machine gets twice that. */
const BACK_MS = TTL_MS / 3 + 1000;
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let directory: string;
let url: string;
let centre: Running;
let services: Running[];
const started: Running[] = [];
const figures: string[] = [];

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const all = { ...process.env, SKEIN_NAMESPACE: "", NO_COLOR: "1", ...env };
  const running = start(process.execPath, [...NODE, join(HERE, program), ...args], { env: all });
  started.push(running);
  return running;
}

async function serve(listen: string, dataFile?: string): Promise<void> {
  const data = dataFile === undefined ? [] : ["--data", dataFile];
  centre = run("../src/main.ts", ["registry", "--json", "--listen", listen, ...data]);
  await centre.printed("listening");
  url = JSON.parse(centre.stdout().split("\n")[0] as string).listening;
}

const again = (dataFile?: string): Promise<void> => serve(url.replace("http://", ""), dataFile);

async function listed(): Promise<string[]> {
  const answer = (await (await fetch(`${url}/services/user`)).json()) as { instances: { id: string }[] };
  return answer.instances.map(({ id }) => id).sort();
}

async function kill(running: Running, signal: NodeJS.Signals): Promise<void> {
  running.process.kill(signal);
  await running.ended;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "skein-centre-faults-"));
  await serve("127.0.0.1:0");
  const env = { SKEIN_REGISTRY: url, SKEIN_TTL: `${TTL_MS}ms` };
  services = Array.from({ length: SERVICES }, () => run("programs/user.main.ts", [], env));
  await Promise.all(services.map((service) => service.printed("serving user 1.2.0")));
});
afterAll(async () => {
  for (const running of started) await running[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
  process.stdout.write(`${figures.join("\n")}\n`);
});

interface Fault {
  readonly name: string;
  readonly hurt: (data: string) => Promise<void>;
  /** Resolves when the centre answers again. */
  readonly heal: (data: string) => Promise<void>;
  readonly downMs: number;
  readonly keepsData?: true;
  /** The list is never short, not even at first. */
  readonly never?: true;
}

const killed = (): Promise<void> => kill(centre, "SIGKILL");
const faults: readonly Fault[] = [
  { name: "kill -9 for TTL/2, its data lost", hurt: killed, heal: () => again(), downMs: TTL_MS / 2 },
  { name: "kill -9 for 2 × TTL, its data lost", hurt: killed, heal: () => again(), downMs: 2 * TTL_MS },
  {
    name: "kill -9 for TTL/2 with --data",
    hurt: killed,
    heal: again,
    downMs: TTL_MS / 2,
    keepsData: true,
    never: true,
  },
  {
    name: "kill -9 for 2 × TTL with --data",
    hurt: killed,
    heal: again,
    downMs: 2 * TTL_MS,
    keepsData: true,
    never: true,
  },
  {
    name: "SIGTERM and a start at once",
    hurt: () => kill(centre, "SIGTERM"),
    heal: () => again(),
    downMs: 0,
  },
  {
    ...{ name: "SIGSTOP for 2 × TTL", downMs: 2 * TTL_MS, never: true },
    hurt: async () => void centre.process.kill("SIGSTOP"),
    heal: async () => void centre.process.kill("SIGCONT"),
  },
];

test.each(faults)(
  "$name: no call fails, all are back in time, nobody is lost",
  async (fault) => {
    const data = join(directory, `${faults.indexOf(fault)}.json`);
    if (fault.keepsData === true) {
      await kill(centre, "SIGTERM");
      await again(data);
    }
    await expect.poll(listed, { timeout: 10_000 }).toHaveLength(SERVICES);
    const before = await listed();
    const client = createClient({ registry: url, log: silentLogger });
    const user = client.service<any>("user");
    const failed: unknown[] = [];
    let calls = 0;
    let over = false;
    const caller = async (): Promise<void> => {
      while (!over) {
        calls++;
        await user.call("getUser", { id: "7" }).catch((error: unknown) => failed.push(error));
        await pass(5);
      }
    };
    const calling = [caller(), caller()];
    try {
      await pass(fault.keepsData === true ? 2000 : 500);
      await fault.hurt(data);
      await pass(fault.downMs);
      await fault.heal(data);
      const healed = performance.now();
      const first = await listed();
      while ((await listed()).length < SERVICES && performance.now() - healed < 4 * BACK_MS) await pass(20);
      const backMs = performance.now() - healed;
      await pass(TTL_MS + 500);
      over = true;
      await Promise.all(calling);
      figures.push(
        `${fault.name}: ${calls} calls, ${failed.length} failed, all back after ${Math.round(backMs)} ms`,
      );
      expect(failed).toEqual([]);
      expect(await listed()).toEqual(before);
      expect(backMs).toBeLessThan(2 * BACK_MS);
      if (fault.never === true) expect(first).toEqual(before);
    } finally {
      over = true;
      await client.close();
    }
  },
  60_000,
);

test("a service that is killed is gone soon after its TTL, one that is stopped at once", async () => {
  const env = { SKEIN_REGISTRY: url, SKEIN_TTL: `${TTL_MS}ms` };
  const more = [0, 1].map(() => run("programs/user.main.ts", [], env));
  await Promise.all(more.map((service) => service.printed("serving user 1.2.0")));
  await expect.poll(listed).toHaveLength(SERVICES + 2);
  const [crashed, stopped] = more as [Running, Running];
  await kill(stopped, "SIGTERM");
  await expect.poll(listed, { timeout: 1500 }).toHaveLength(SERVICES + 1);
  crashed.process.kill("SIGKILL");
  await expect.poll(listed, { timeout: TTL_MS + 5000 }).toHaveLength(SERVICES);
});
