import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What a service process did, in a file of its own that survives kill -9: a line when a call begins, a line with the answer when it ends. */
export interface Ledger {
  record<T>(method: string, call: string, run: () => Promise<T>): Promise<T>;
  close(): void;
}

export function openLedger(directory: string, name: string): Ledger {
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, `${name}.${process.pid}.jsonl`), "a");
  const write = (line: object): void => void writeSync(file, `${JSON.stringify(line)}\n`);
  return {
    async record(method, call, run) {
      write({ call, method, begins: true });
      const answer = await run();
      write({ call, method, answer });
      return answer;
    },
    close: () => closeSync(file),
  };
}

export interface Execution {
  readonly method: string;
  /** How often it was begun, by whichever process. */
  begun: number;
  /** JSON of the answers given. */
  readonly answers: string[];
}

/** All processes' ledgers together, by call. */
export function readLedgers(directory: string): Map<string, Execution> {
  const calls = new Map<string, Execution>();
  for (const file of readdirSync(directory)) {
    for (const line of readFileSync(join(directory, file), "utf8").split("\n")) {
      if (line === "") continue;
      let entry: { call: string; method: string; begins?: boolean; answer?: unknown };
      try {
        entry = JSON.parse(line);
      } catch {
        continue; // the last line of a killed process may be torn
      }
      const seen = calls.get(entry.call) ?? { method: entry.method, begun: 0, answers: [] };
      calls.set(entry.call, seen);
      if (entry.begins === true) seen.begun++;
      else seen.answers.push(JSON.stringify(entry.answer));
    }
  }
  return calls;
}

/** Calls that a process had begun and not ended: what a kill interrupted. */
export function unfinished(directory: string, pid: number): number {
  const open = new Set<string>();
  for (const file of readdirSync(directory).filter((name) => name.endsWith(`.${pid}.jsonl`)))
    for (const line of readFileSync(join(directory, file), "utf8").split("\n")) {
      const entry = /^\{"call":"([^"]+)".*?("begins":true|"answer")/.exec(line);
      if (entry === null) continue;
      if (entry[2] === '"begins":true') open.add(entry[1] as string);
      else open.delete(entry[1] as string);
    }
  return open.size;
}
