import { randomUUID } from "node:crypto";
import { Rpc, RpcError, Service } from "skein";
import type { __Class__Contract, __Entity__ } from "./__name__.contract.js";

/** Keeps what it knows in memory: your database goes here. */
@Service("__name__", { version: "1.0.0" })
export class __Class__Service implements __Class__Contract {
  readonly #known = new Map<string, __Entity__>();

  @Rpc()
  async create__Entity__({ name }: { name: string }): Promise<__Entity__> {
    if (name === "") throw new RpcError("INVALID_ARGUMENT", "name is empty");
    const created = { id: randomUUID(), name };
    this.#known.set(created.id, created);
    return created;
  }

  /** Idempotent: a call whose outcome is unknown may be tried again on another instance. */
  @Rpc({ idempotent: true })
  async get__Entity__({ id }: { id: string }): Promise<__Entity__> {
    const found = this.#known.get(id);
    if (found === undefined) throw new RpcError("NOT_FOUND", `no __entity__ has the id ${id}`);
    return found;
  }

  /** A stream: each item is sent as it is yielded, and no faster than the caller reads. */
  @Rpc({ idempotent: true })
  async *list__Entities__(): AsyncGenerator<__Entity__> {
    yield* this.#known.values();
  }
}
