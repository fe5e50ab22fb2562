import { type Client, Rpc, RpcError, Service } from "skein";
import { ShopErrors } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { UserService } from "./user.service.ts";

export interface Order {
  call: string;
  customer: string;
  item: string;
}

@Service("order", { version: "1.0.0" })
export class OrderService {
  readonly #ledger: Ledger;
  readonly #client: Client;

  constructor(ledger: Ledger, client: Client) {
    this.#ledger = ledger;
    this.#client = client;
  }

  /** Calls the user services twice; deadline and trace travel along by themselves. */
  @Rpc({ errors: ShopErrors })
  async placeOrder(order: { call: string; id: string; item: string }): Promise<Order> {
    return this.#ledger.record("placeOrder", order.call, async () => {
      const users = this.#client.service<UserService>("user");
      const customer = await users.getUser({ call: `${order.call}/get`, id: order.id });
      try {
        await users.addPoints({ call: `${order.call}/points`, id: order.id, points: 10 });
      } catch (error) {
        if (RpcError.is(error) && error.executed === "maybe") throw ShopErrors.OUTCOME_UNKNOWN();
        throw error;
      }
      return { call: order.call, customer: customer.name, item: order.item };
    });
  }
}
