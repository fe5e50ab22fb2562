import { type CallContext, Rpc, Service } from "skein";
import type { Ledger } from "./ledger.ts";

export interface User {
  id: string;
  name: string;
  points: number;
}

/** Every request names itself, so that the ledgers can be compared with what the client was told. */
export interface Request {
  call: string;
  id: string;
}

const NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances"];

/** A while of I/O, as a database would take. */
const work = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

@Service("user", { version: "1.0.0" })
export class UserService {
  readonly #ledger: Ledger;
  readonly #points = new Map<string, number>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  @Rpc({ idempotent: true })
  async getUser(request: Request, _ctx?: CallContext): Promise<User> {
    return this.#ledger.record("getUser", request.call, async () => {
      await work(15);
      return this.#user(request.id);
    });
  }

  @Rpc({ idempotent: true })
  async findUsers(request: { call: string; like: string }): Promise<User[]> {
    return this.#ledger.record("findUsers", request.call, async () => {
      await work(25);
      const found = NAMES.map((name, i) => ({ name, id: String(i) })).filter(({ name }) =>
        name.includes(request.like),
      );
      return found.map(({ id }) => this.#user(id));
    });
  }

  /** Not idempotent: executed twice, it would give the points twice. */
  @Rpc()
  async addPoints(request: Request & { points: number }): Promise<User> {
    return this.#ledger.record("addPoints", request.call, async () => {
      await work(20);
      this.#points.set(request.id, (this.#points.get(request.id) ?? 0) + request.points);
      return this.#user(request.id);
    });
  }

  #user(id: string): User {
    return { id, name: NAMES[Number(id) % NAMES.length] as string, points: this.#points.get(id) ?? 0 };
  }
}
