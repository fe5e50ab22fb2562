// Does nothing, and tells when it was kept from it: a processor that stands still lets nobody run on it, whoever it is.
import { openSync, readSync } from "node:fs";
import { stoodBetween } from "../stage/starved.ts";
import { wallClock } from "../stage/wall-clock.ts";

const TURN_MS = 2;
const text = Buffer.alloc(128);
const file = openSync("/proc/self/schedstat", "r");

/** How long it could have run and others did, ms: that is no standing still. */
function waited(): number {
  readSync(file, text, 0, text.length, 0);
  return Number(text.toString("latin1").split(" ")[1]) / 1e6;
}

let last = { at: wallClock(), waited: waited() };
setInterval(() => {
  const now = { at: wallClock(), waited: waited() };
  const span = stoodBetween(last, now, TURN_MS);
  if (span !== undefined) process.stdout.write(`${span.from} ${span.to}\n`);
  last = now;
}, TURN_MS);
// Whoever began it is gone.
process.stdin.once("end", () => process.exit()).resume();
process.stdout.write("ready\n");
