import { isDeepStrictEqual, parseArgs, styleText } from "node:util";
import type { DoorName } from "skein";
import { type Caller, callers, healthCallers, missing } from "./callers.ts";
import { startServer } from "./server.ts";

const DOORS: readonly DoorName[] = ["http", "grpc", "jsonrpc"];
const HELP = `Doors: one service on one port, asked for the same user by each client that was there before.

  npm run doors                        asks through each door
  npm run doors -- --without grpc      that door is not opened: those behind it fail, and the exit code is 1
  npm run doors -- --serve             opens the doors and waits, for clients of your own
Doors are ${DOORS.join(", ")}. A caller whose program is not on this machine (curl, go) is skipped.`;

function options(): { readonly without: readonly string[]; readonly serve: boolean } {
  const { values } = parseArgs({
    options: {
      without: { type: "string", multiple: true, default: [] },
      serve: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const unknown = values.without.find((name) => !DOORS.some((door) => door === name));
  if (unknown !== undefined) throw new Error(`--without is ${unknown}: give one of ${DOORS.join(", ")}`);
  return values;
}

const colored = process.stdout.isTTY && !process.env.NO_COLOR;
const line = (color: "green" | "red" | "gray", mark: string, caller: Caller, said: string): void => {
  const text = `${mark.padEnd(8)}${caller.door.padEnd(9)}${caller.name.padEnd(28)}${said}`;
  console.log(colored ? styleText(color, text) : text);
};

/** True unless it got something else than it should. */
async function ask(caller: Caller, host: string, expected: unknown): Promise<boolean> {
  const lacking = missing(caller);
  if (lacking !== undefined) {
    line("gray", "skipped", caller, lacking);
    return true;
  }
  try {
    const answer = await caller.call(host);
    const right = isDeepStrictEqual(answer, expected);
    line(right ? "green" : "red", right ? "ok" : "FAILED", caller, JSON.stringify(answer));
    return right;
  } catch (error) {
    line("red", "FAILED", caller, error instanceof Error ? error.message : String(error));
    return false;
  }
}

async function main(): Promise<number> {
  const { without, serve } = options();
  process.env.SKEIN_LOG ??= "warn";
  // Apart from what else may be called "user" on this machine.
  process.env.SKEIN_NAMESPACE ??= `doors-${process.pid}`;
  const app = await startServer(DOORS.filter((door) => !without.includes(door)));
  const { host } = new URL(app.address);
  console.log(`one service, one port: ${host}`);
  if (serve) return 0;
  let failed = 0;
  for (const caller of callers) if (!(await ask(caller, host, { id: "42", name: "Ada" }))) failed++;
  for (const caller of healthCallers)
    if (!(await ask(caller, host, caller.door === "grpc" ? "SERVING" : "ready"))) failed++;
  await app.close();
  console.log(failed === 0 ? "all the same" : `${failed} failed`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
