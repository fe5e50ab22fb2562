import { lstatSync, readdirSync, readFileSync, type Stats, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Instance, Logger, Runtime } from "@skein/core";
import { type LocalRecord, MOST_RECORD_BYTES, parseRecord } from "./local-record.ts";
import { lifeOf, type ProcessIdentity } from "./process-identity.ts";

/** What a process that was killed in the middle of writing has left, ms. */
const OLD_DRAFT_MS = 3_600_000;
/** Silent for so many TTLs, a record is removed; it is not listed after one. */
const SWEEP_TTLS = 3;
/** A directory that changes while it is read is read again. */
const MOST_READS = 3;

interface Seen {
  readonly stamp: string;
  /** Undefined: it is no record, and that was said. */
  readonly record: LocalRecord | undefined;
  /** Monotonic ms at which its time was seen to change: a step of the wall clock ends no lease. */
  changedAt: number;
}

type Life = ReturnType<typeof lifeOf>;

/** Reads a directory of records. */
export class RecordFiles {
  /** Files that were skipped because they are no records. */
  malformed = 0;
  readonly #directory: string;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  #seen = new Map<string, Seen>();

  constructor(directory: string, runtime: Runtime, logger: Logger) {
    this.#directory = directory;
    this.#runtime = runtime;
    this.#logger = logger;
  }

  /** Those that are alive, by id. Throws when the directory cannot be read. */
  read(): Instance[] {
    for (let reads = 1; ; reads++) {
      const complete = this.#readOnce();
      if (complete || reads >= MOST_READS) return this.#newest();
    }
  }

  /** False when a file went meanwhile: what took its place may have been missed. */
  #readOnce(): boolean {
    const next = new Map<string, Seen>();
    let complete = true;
    for (const file of readdirSync(this.#directory)) {
      if (!file.endsWith(".json")) this.#sweepDraft(file);
      else {
        const seen = this.#look(file);
        if (seen === undefined) complete = false;
        else next.set(file, seen);
      }
    }
    this.#seen = next;
    return complete;
  }

  /** Undefined: it has gone. */
  #look(file: string): Seen | undefined {
    const path = join(this.#directory, file);
    try {
      const info = lstatSync(path);
      const stamp = `${info.ino} ${info.size} ${info.mtimeMs} ${info.uid}`;
      const before = this.#seen.get(file);
      if (before?.stamp === stamp) return before;
      const record = this.#parse(path, info);
      const why = typeof record === "string" ? record : undefined;
      if (why !== undefined && (before === undefined || before.record !== undefined))
        this.#complain(file, why);
      if (typeof record === "string") return { stamp, record: undefined, changedAt: 0 };
      return { stamp, record, changedAt: this.#changedAt(record, info, before !== undefined) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      if (this.#seen.get(file)?.stamp !== "unreadable") this.#complain(file, (error as Error).message);
      return { stamp: "unreadable", record: undefined, changedAt: 0 };
    }
  }

  /** The record, or why there is none. */
  #parse(path: string, info: Stats): LocalRecord | string {
    const uid = process.getuid?.();
    if (!info.isFile() || (uid !== undefined && info.uid !== uid)) return "it is not a file of this user";
    if (info.size > MOST_RECORD_BYTES) return `it is ${info.size} bytes long`;
    return parseRecord(readFileSync(path, "utf8")) ?? "it is no record";
  }

  /** A record of whom nothing is known may have been lying here for long when it is first seen: its file's time says so, if anything does. */
  #changedAt(record: LocalRecord, info: Stats, known: boolean): number {
    const now = this.#runtime.clock.monotonic();
    if (known || lifeOf(record.process) !== "unknown") return now;
    const ageMs = this.#runtime.clock.now() - info.mtimeMs;
    // Not listed, and not removed for that alone: the wall clock may have been set.
    return ageMs > 2 * record.ttlMs ? now - record.ttlMs - 1 : now;
  }

  #complain(file: string, why: string): void {
    this.#logger.warn(
      { directory: this.#directory, file, why },
      "a file in the registry directory is skipped",
    );
  }

  #newest(): Instance[] {
    const newest = new Map<string, LocalRecord>();
    const lives = new Map<string, Life>();
    this.malformed = 0;
    for (const [file, { record, changedAt }] of this.#seen) {
      if (record === undefined) this.malformed++;
      else if (this.#alive(file, record, changedAt, lives)) {
        const key = `${record.instance.service} ${record.instance.id}`;
        const other = newest.get(key);
        if (other === undefined || other.written < record.written) newest.set(key, record);
      }
    }
    return [...newest.values()].map((r) => r.instance).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #alive(file: string, record: LocalRecord, changedAt: number, lives: Map<string, Life>): boolean {
    const life = lifeOnce(record.process, lives);
    const silentMs = this.#runtime.clock.monotonic() - changedAt;
    if (life === "dead" || silentMs > SWEEP_TTLS * record.ttlMs) this.#sweep(file);
    return life !== "dead" && silentMs <= record.ttlMs;
  }

  /** Nobody else removes what a killed process left. */
  #sweep(file: string): void {
    const path = join(this.#directory, file);
    try {
      const info = lstatSync(path);
      if (this.#seen.get(file)?.stamp.startsWith(`${info.ino} ${info.size} ${info.mtimeMs} `))
        unlinkSync(path);
    } catch {
      // Another process did, or we may not: it is not listed all the same.
    }
  }

  #sweepDraft(file: string): void {
    const path = join(this.#directory, file);
    try {
      const ageMs = this.#runtime.clock.now() - lstatSync(path).mtimeMs;
      if (/\.tmp$|^\.probe-/.test(file) && ageMs > OLD_DRAFT_MS) unlinkSync(path);
    } catch {
      // As above.
    }
  }
}

/** A process has many records, and is asked about once a look. */
function lifeOnce(identity: ProcessIdentity, lives: Map<string, Life>): Life {
  const key = `${identity.pid} ${identity.started} ${identity.boot} ${identity.namespace}`;
  const known = lives.get(key);
  if (known !== undefined) return known;
  const life = lifeOf(identity);
  lives.set(key, life);
  return life;
}
