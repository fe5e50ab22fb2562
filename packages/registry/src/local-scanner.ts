import { type FSWatcher, watch } from "node:fs";
import type { Instance, Logger, Runtime, Timer } from "@skein/core";
import { checkPrivateDirectory } from "./local-directory.ts";
import { RecordFiles } from "./record-files.ts";

/** Changes are told by the system; what it does not tell (a killed process, a watch that fails) is found so often, ms. */
const POLL_MS = 500;
/** Several changes at once are one. */
const SETTLE_MS = 5;

export interface ScannerOptions {
  /** Where records are, and the directory above it. Both must be private, at each look. */
  readonly directory: string;
  readonly root: string;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** What is listed is another, or it cannot be read (any more). */
  readonly onChange: (error?: Error) => void;
}

/** Says when what a directory of records holds has changed. */
export class LocalScanner {
  /** Those that are alive. */
  instances: readonly Instance[] = [];
  revision = 0;
  readonly #o: ScannerOptions;
  readonly #files: RecordFiles;
  #signature = "";
  #watcher: FSWatcher | undefined;
  /** Which directory is watched: another may have taken its name. */
  #watched: number | undefined;
  #poll: Timer | undefined;
  #soon: Timer | undefined;
  #failed = false;

  constructor(options: ScannerOptions) {
    this.#o = options;
    this.#files = new RecordFiles(options.directory, options.runtime, options.logger);
  }

  get malformed(): number {
    return this.#files.malformed;
  }

  start(): void {
    if (this.#poll !== undefined) return;
    this.#arm();
  }

  stop(): void {
    this.#unwatch();
    this.#poll?.cancel();
    this.#poll = undefined;
    this.#soon?.cancel();
    this.#soon = undefined;
  }

  #arm(): void {
    this.#poll = this.#o.runtime.clock.setTimer(POLL_MS, () => {
      this.#arm();
      this.look();
    });
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }

  #watch(inode: number): void {
    if (this.#poll === undefined || this.#watched === inode) return;
    this.#unwatch();
    try {
      // Records come and go by renaming and unlinking; the others are heartbeats, of which there are many.
      const watcher = watch(this.#o.directory, { persistent: false }, (event, file) => {
        if (event === "rename" && (file === null || file.endsWith(".json"))) this.#lookSoon();
      });
      watcher.on("error", () => this.#unwatch());
      this.#watcher = watcher;
      this.#watched = inode;
    } catch {
      // No watching here (limits): the poll does it.
    }
  }

  #lookSoon(): void {
    if (this.#poll === undefined) return;
    this.#soon ??= this.#o.runtime.clock.setTimer(SETTLE_MS, () => {
      this.#soon = undefined;
      this.look();
    });
  }

  /** Scans, and tells of what is new. */
  look(): void {
    try {
      const changed = this.scan();
      if (changed || this.#failed) this.#tell();
    } catch (error) {
      if (!this.#failed) this.#tell(error as Error);
    }
  }

  #tell(error?: Error): void {
    this.#failed = error !== undefined;
    this.#o.onChange(error);
  }

  /** True when the instances are others than before. Throws when the directory cannot be read, or others could have written there. */
  scan(): boolean {
    checkPrivateDirectory(this.#o.root);
    // Watched first, read then: nothing falls between.
    this.#watch(checkPrivateDirectory(this.#o.directory).ino);
    const instances = this.#files.read();
    const signature = JSON.stringify(instances);
    if (signature === this.#signature) return false;
    this.#signature = signature;
    this.instances = instances;
    this.revision++;
    return true;
  }
}
