import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock, Logger } from "@skein/core";
import { parseDump } from "./snapshot-format.ts";
import type { StoreDump } from "./store.ts";

const MOST_BYTES = 512 * 1024 * 1024;

/** A store's dump in a file that is whole at any moment: written beside it, then renamed. */
export class SnapshotFile {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #clock: Clock;

  constructor(path: string, { logger, clock }: { readonly logger: Logger; readonly clock: Clock }) {
    this.#path = path;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Undefined where there is none, or where it is torn: that one is set aside. Rejects where it cannot be read. */
  async load(): Promise<StoreDump | undefined> {
    const text = await this.#read();
    if (text === undefined) return undefined;
    const { dump, skipped, fault } = parseDump(text);
    if (dump === undefined) {
      await this.#setAside(fault);
      return undefined;
    }
    if (skipped > 0)
      this.#logger.warn({ file: this.#path, skipped }, "records in the snapshot are malformed: skipped");
    return dump;
  }

  async #read(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#path);
      if (size > MOST_BYTES) throw new Error(`it is ${size} bytes long`);
      return await readFile(this.#path, "utf8");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new Error(`the snapshot ${this.#path} cannot be read: ${(cause as Error).message}`, { cause });
    }
  }

  async #setAside(fault: string): Promise<void> {
    const time = new Date(this.#clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const aside = `${this.#path}.torn-${time}`;
    await rename(this.#path, aside);
    this.#logger.error(
      { file: this.#path, aside, fault },
      "the snapshot is torn: set aside, starting with an empty registry",
    );
  }

  /** Rejects, naming the file, where it cannot be written; what was there stays. */
  async save(json: string): Promise<void> {
    const draft = `${this.#path}.tmp`;
    try {
      await rm(draft, { force: true });
      // It holds the ids of leases: whoever knows one may end it.
      const file = await open(draft, "wx", 0o600);
      try {
        await file.writeFile(json);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {});
      throw new Error(`the snapshot ${this.#path} cannot be written: ${(cause as Error).message}`, { cause });
    }
  }
}

/** So that the renaming survives a loss of power as well; not every file system can. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}
