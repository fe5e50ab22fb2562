import { type FSWatcher, lstatSync, readdirSync, readFileSync, unlinkSync, watch } from "node:fs";
import { join } from "node:path";
import type { Instance, Logger, Runtime, Timer } from "@skein/core";
import { type LocalRecord, parseRecord } from "./local-record.ts";
import { lifeOf } from "./process-identity.ts";

/** Changes are told by the system; what it does not tell (a killed process, a watch that fails) is found so often, ms. */
const POLL_MS = 500;
/** Several changes at once are one. */
const SETTLE_MS = 5;

interface Seen {
  readonly inode: number;
  readonly record: LocalRecord;
  mtimeMs: number;
  /** Monotonic ms at which its time was seen to change: a step of the wall clock ends no lease. */
  changedAt: number;
}

export interface ScannerOptions {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly onChange: (error?: Error) => void;
}

/** Reads a directory of records, and says when what it holds has changed. */
export class LocalScanner {
  /** Those that are alive, by service and id. */
  instances: readonly Instance[] = [];
  revision = 0;
  readonly #o: ScannerOptions;
  #seen = new Map<string, Seen>();
  /** Files that are no records, told once each. */
  readonly #complained = new Set<string>();
  #signature = "";
  #watcher: FSWatcher | undefined;
  #poll: Timer | undefined;
  #soon: Timer | undefined;
  #failed = false;

  constructor(options: ScannerOptions) {
    this.#o = options;
  }

  start(): void {
    if (this.#poll !== undefined) return;
    this.#watch();
    this.#arm();
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#poll?.cancel();
    this.#poll = undefined;
    this.#soon?.cancel();
    this.#soon = undefined;
  }

  #arm(): void {
    this.#poll = this.#o.runtime.clock.setTimer(POLL_MS, () => {
      this.#arm();
      if (this.#watcher === undefined) this.#watch();
      this.#look();
    });
  }

  #watch(): void {
    try {
      const watcher = watch(this.#o.directory, { persistent: false });
      watcher.on("change", () => {
        this.#soon ??= this.#o.runtime.clock.setTimer(SETTLE_MS, () => {
          this.#soon = undefined;
          this.#look();
        });
      });
      watcher.on("error", () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      // No watching here (limits, or the directory is missing): the poll does it.
    }
  }

  #look(): void {
    try {
      const changed = this.scan();
      if (changed || this.#failed) this.#o.onChange();
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#o.onChange(error as Error);
      this.#failed = true;
    }
  }

  /** True when the instances are others than before. Throws when the directory cannot be read. */
  scan(): boolean {
    const next = new Map<string, Seen>();
    for (const file of this.#files()) {
      if (!file.endsWith(".json")) continue;
      const seen = this.#read(file);
      if (seen !== undefined && this.#alive(file, seen)) next.set(file, seen);
    }
    this.#seen = next;
    const instances = [...next.values()].map((s) => s.record.instance).sort((a, b) => (a.id < b.id ? -1 : 1));
    const signature = JSON.stringify(instances);
    if (signature === this.#signature) return false;
    this.#signature = signature;
    this.instances = instances;
    this.revision++;
    return true;
  }

  #files(): string[] {
    try {
      return readdirSync(this.#o.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  #read(file: string): Seen | undefined {
    const path = join(this.#o.directory, file);
    const now = this.#o.runtime.clock.monotonic();
    try {
      const info = lstatSync(path);
      const before = this.#seen.get(file);
      if (before !== undefined && before.inode === info.ino) {
        if (before.mtimeMs !== info.mtimeMs) {
          before.mtimeMs = info.mtimeMs;
          before.changedAt = now;
        }
        return before;
      }
      const uid = process.getuid?.();
      if (!info.isFile() || (uid !== undefined && info.uid !== uid))
        return this.#complain(file, "it is not a file of this user");
      const record = parseRecord(readFileSync(path, "utf8"));
      if (record === undefined) return this.#complain(file, "it is no record");
      return { inode: info.ino, record, mtimeMs: info.mtimeMs, changedAt: now };
    } catch (error) {
      // Gone between two calls is the usual case.
      return (error as NodeJS.ErrnoException).code === "ENOENT"
        ? undefined
        : this.#complain(file, (error as Error).message);
    }
  }

  #complain(file: string, why: string): undefined {
    if (!this.#complained.has(file))
      this.#o.logger.warn(
        { directory: this.#o.directory, file, why },
        "a file in the registry directory is skipped",
      );
    this.#complained.add(file);
    return undefined;
  }

  #alive(file: string, seen: Seen): boolean {
    const life = lifeOf(seen.record.process);
    const silentMs = this.#o.runtime.clock.monotonic() - seen.changedAt;
    // A record of whom nothing is known may have been lying here for long when it is first seen.
    const oldMs = life === "unknown" ? this.#o.runtime.clock.now() - seen.mtimeMs : 0;
    if (life !== "dead" && silentMs <= seen.record.ttlMs && oldMs <= 2 * seen.record.ttlMs) return true;
    if (life === "dead") this.#sweep(file, seen);
    return false;
  }

  /** Nobody else removes what a killed process left. */
  #sweep(file: string, seen: Seen): void {
    const path = join(this.#o.directory, file);
    try {
      if (lstatSync(path).ino === seen.inode) unlinkSync(path);
    } catch {
      // Another process did, or may not: it is not listed all the same.
    }
  }
}
