import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { readLedgers, unfinished } from "./ledger.ts";
import { type Child, start, stopAll } from "./processes.ts";
import { type Ending, judge } from "./verdict.ts";

const MIN_KILLS = 5;
const HELP = `The shop: two user services, an order service that calls them, and a client, each a process of its own. User services are
killed with -9 in mid-call, replaced, and rolled with SIGTERM, while the client goes on calling.

  npm start                      the demonstration
  npm start -- --no-retries      its control: the same without retries, which fails
  npm start -- --kills 8         more kills (at least ${MIN_KILLS})
SKEIN_REGISTRY, SKEIN_LISTEN and SKEIN_NAMESPACE are obeyed.`;

interface Options {
  readonly "no-retries": boolean;
  readonly kills: number;
}

/** @throws Error that names the option and what it takes */
function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      "no-retries": { type: "boolean", default: false },
      kills: { type: "string", default: String(MIN_KILLS) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const kills = Number(values.kills);
  if (!(Number.isSafeInteger(kills) && kills >= MIN_KILLS))
    throw new Error(`--kills is ${values.kills}: give a whole number of at least ${MIN_KILLS}`);
  return { "no-retries": values["no-retries"], kills };
}

function optionsOrExit(): Options {
  try {
    return parseOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}
const options = optionsOrExit();
const { kills } = options;
/** Between one event and the next. */
const PAUSE_MS = 1000;

const ledger = mkdtempSync(join(tmpdir(), "shop-"));
const result = join(ledger, "result.json");
const env = {
  SHOP_LEDGER: join(ledger, "calls"),
  SHOP_RESULT: result,
  SHOP_RETRIES: options["no-retries"] ? "off" : "on",
  SKEIN_LOG: "warn",
};
const began = performance.now();
const say = (what: string, color: Parameters<typeof styleText>[0] = "reset"): void => {
  const line = `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${what}`;
  console.log(process.stdout.isTTY && !process.env.NO_COLOR ? styleText(color, line) : line);
};
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

let serial = 0;
const startUser = async (): Promise<Child> => {
  const child = await start(`user #${++serial}`, "user.main", env);
  say(`${child.name} started (pid ${child.pid})`, "green");
  return child;
};

process.once("exit", stopAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

/** Waits (not for long) until the process is in the middle of calls. */
async function inMidCall(child: Child): Promise<void> {
  for (let i = 0; i < 200 && unfinished(env.SHOP_LEDGER, child.pid) < 2; i++)
    await new Promise((resolve) => setTimeout(resolve, 1));
}

async function run(): Promise<boolean> {
  say(`${kills} kills to come, retries ${env.SHOP_RETRIES}`);
  const users = await Promise.all([startUser(), startUser()]);
  const order = await start("order #1", "order.main", env);
  say(`order #1 started (pid ${order.pid})`, "green");
  const client = await start("client", "client.main", env);
  say("the client calls", "green");
  let failures = 0;
  client.process.on(
    "message",
    (message: { failed: number | string; answered?: number; unknown?: number; inFlight?: number }) => {
      if (typeof message.failed === "string") {
        if (++failures <= 5) say(`failed: ${message.failed}`, "red");
      } else
        say(
          `${message.answered} answered, ${message.failed} failed, ${message.unknown} unknown, ${message.inFlight} in flight`,
          "gray",
        );
    },
  );

  let interrupted = 0;
  let killed = 0;
  while (interrupted < kills && killed < 3 * kills) {
    const successor = startUser();
    await pause();
    const victim = users.shift() as Child;
    await inMidCall(victim);
    victim.process.kill("SIGKILL");
    await victim.exited;
    const cut = unfinished(env.SHOP_LEDGER, victim.pid);
    killed++;
    if (cut > 0) interrupted++;
    say(`${victim.name} killed with -9 in the middle of ${cut} ${cut === 1 ? "call" : "calls"}`, "yellow");
    users.push(await successor);
  }
  await pause();
  const leaving = users.shift() as Child;
  say(`${leaving.name} gets SIGTERM`, "yellow");
  users.push(await startUser());
  leaving.process.kill("SIGTERM");
  const code = await leaving.exited;
  say(
    `${leaving.name} left with exit code ${code}, ${unfinished(env.SHOP_LEDGER, leaving.pid)} calls unfinished`,
    code === 0 ? "green" : "red",
  );
  await pause();

  client.process.send("stop");
  await client.exited;
  for (const child of [...users, order]) child.process.kill("SIGTERM");
  await Promise.all([...users, order].map((child) => child.exited));
  return report(code, killed, interrupted);
}

function report(rolled: number | string, killed: number, interrupted: number): boolean {
  const endings = JSON.parse(readFileSync(result, "utf8")) as Ending[];
  const verdict = judge(endings, readLedgers(env.SHOP_LEDGER));
  for (const problem of verdict.problems.slice(0, 5)) say(problem, "red");
  if (verdict.unknown > 0)
    say(
      `${verdict.unknown} calls that are not idempotent were cut in mid-call: their callers were told that the outcome is unknown, and none was tried again (the ledgers: ${verdict.unknownExecuted} were begun, none twice)`,
    );
  say(
    `${killed} kills, ${interrupted} of them in mid-call; one instance rolled with SIGTERM, exit code ${rolled}`,
  );
  console.log(`calls: ${verdict.ok} ok, ${verdict.failed} failed`);
  return verdict.failed === 0 && verdict.ok > 0 && rolled === 0 && interrupted >= kills;
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  stopAll();
  rmSync(ledger, { recursive: true, force: true });
}
