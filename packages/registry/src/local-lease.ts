import { randomUUID } from "node:crypto";
import { rename, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Instance, type Lease, LeaseLostError, type Runtime } from "@skein/core";
import { checkInstance } from "./check-instance.ts";
import { fileNameOf, type LocalRecord } from "./local-record.ts";
import { ownIdentity } from "./process-identity.ts";

let lastWritten = 0;

/** Records as files, kept alive by their time of change. */
export class LocalLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #id = randomUUID();
  readonly #directory: string;
  readonly #runtime: Runtime;
  readonly #over: () => void;
  readonly #files = new Map<string, string>();
  #released: Promise<void> | undefined;

  /** @param over called once, when it is released */
  constructor(directory: string, ttlMs: number, runtime: Runtime, over: () => void) {
    this.#directory = directory;
    this.ttlMs = ttlMs;
    this.#runtime = runtime;
    this.#over = over;
  }

  /** A record that somebody removed is lost: the keeper writes it again. */
  async renew(): Promise<"held" | "lost"> {
    if (this.#released !== undefined) return "lost";
    const now = new Date(this.#runtime.clock.now());
    try {
      for (const file of this.#files.values()) await utimes(file, now, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "lost";
      throw error;
    }
    return "held";
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    if (this.#released !== undefined) throw new LeaseLostError("the lease was released");
    const file = join(this.#directory, fileNameOf(instance.service, instance.id, this.#id.slice(0, 8)));
    await this.#write(file, instance);
    if (this.#released === undefined) this.#files.set(instance.id, file);
    else {
      await remove(file);
      throw new LeaseLostError("the lease was released");
    }
  }

  async #write(file: string, instance: Instance): Promise<void> {
    lastWritten = Math.max(this.#runtime.clock.now(), lastWritten + 1);
    const record: LocalRecord = {
      instance,
      ttlMs: this.ttlMs,
      process: ownIdentity(),
      lease: this.#id,
      written: lastWritten,
    };
    const draft = `${file}.${randomUUID()}.tmp`;
    try {
      await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: "wx" });
      await rename(draft, file);
    } catch (cause) {
      await unlink(draft).catch(() => {});
      const message = `the record ${file} cannot be written: ${(cause as Error).message}`;
      // The directory is gone, and every record with it: a new lease makes another.
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw new LeaseLostError(message, { cause });
      throw new Error(message, { cause });
    }
  }

  async remove(id: string): Promise<void> {
    const file = this.#files.get(id);
    if (file === undefined) return;
    await remove(file);
    this.#files.delete(id);
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#over();
    await Promise.all([...this.#files.values()].map(remove));
  }
}

async function remove(file: string): Promise<void> {
  await unlink(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
