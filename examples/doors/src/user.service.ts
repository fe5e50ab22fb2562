import { Rpc, RpcError, Service } from "skein";

export interface User {
  id: string;
  name: string;
}

/** It knows nothing of doors: they lead to what is here anyway. */
@Service("user", { version: "1.0.0" })
export class UserService {
  readonly #users: readonly User[] = [{ id: "42", name: "Ada" }];

  @Rpc({ idempotent: true })
  async getUser({ id }: { id: string }): Promise<User> {
    const user = this.#users.find((known) => known.id === id);
    if (user === undefined) throw new RpcError("NOT_FOUND", `no user ${id}`);
    return user;
  }
}
