import { type Instance, type Registry, RpcError, type ServiceSummary, type Snapshot } from "@skein/core";

/** A registry of what this process serves, for those who call it from within. */
export class OwnServices implements Registry {
  readonly name = "this process";
  readonly readOnly = true;
  #instances: readonly Instance[] = [];
  #revision = 0;
  readonly #watching = new Set<() => void>();

  set(instances: readonly Instance[]): void {
    this.#instances = instances;
    this.#revision++;
    for (const look of [...this.#watching]) look();
  }

  lease(): Promise<never> {
    return Promise.reject(
      new RpcError("FAILED_PRECONDITION", "this process's own services are not registered from within"),
    );
  }

  async *watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<Snapshot> {
    let seen = -1;
    while (!signal.aborted) {
      if (this.#revision === seen) await this.#change(signal);
      seen = this.#revision;
      if (!signal.aborted) yield this.#snapshot(service);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#watching.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#watching.add(done);
      signal.addEventListener("abort", done);
    });
  }

  #snapshot(service: string): Snapshot {
    return { instances: this.#instances.filter((i) => i.service === service), revision: this.#revision };
  }

  async get(service: string): Promise<Snapshot> {
    return this.#snapshot(service);
  }

  async list(): Promise<readonly ServiceSummary[]> {
    const names = [...new Set(this.#instances.map((i) => i.service))].sort();
    return names.map((name) => {
      const instances = this.#instances.filter((i) => i.service === name);
      return { name, versions: [...new Set(instances.map((i) => i.version))], instances: instances.length };
    });
  }

  async close(): Promise<void> {}
}
