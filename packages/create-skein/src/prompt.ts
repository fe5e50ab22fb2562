import { createInterface } from "node:readline/promises";
import { Refusal } from "./refusal.ts";

/** Asks on a terminal; an empty answer takes the proposal. Ctrl-C and Ctrl-D cancel. */
export async function promptOnTerminal(question: string, proposal: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const left = new AbortController();
  lines.once("close", () => left.abort());
  try {
    const answer = (await lines.question(`${question} (${proposal}) `, { signal: left.signal })).trim();
    return answer === "" ? proposal : answer;
  } catch {
    process.stdout.write("\n");
    throw new Refusal("Cancelled; nothing was written.", 130);
  } finally {
    lines.close();
  }
}
