import { type CallContext, Rpc, RpcError, Service } from "@skein/core";
import type { SimulationOptions } from "../options.ts";
import type { SimulatedProcess } from "../simulated-process.ts";

/** Two services, one of which calls the other: every kind of call there is. */
@Service("stock", { version: "1.0.0" })
export class StockService {
  readonly #process: SimulatedProcess;

  constructor(process: SimulatedProcess) {
    this.#process = process;
  }

  @Rpc({ idempotent: true }) async look({ item }: { item: string }): Promise<{ item: string; left: number }> {
    await this.#process.sleep(this.#process.random() * 30);
    return { item, left: item.length };
  }
  @Rpc() async take({ item }: { item: string }): Promise<string> {
    await this.#process.sleep(this.#process.random() * 60);
    if (item.endsWith("7")) throw new RpcError("FAILED_PRECONDITION", `${item} is sold out`);
    return `took ${item}`;
  }
  @Rpc() async *items(most: number): AsyncGenerator<string> {
    for (let n = 0; n < most; n++) {
      await this.#process.sleep(20);
      yield `item ${n} of ${most}`;
    }
  }
  @Rpc({ kind: "client-stream" }) async count(items: AsyncIterable<string>): Promise<number> {
    let n = 0;
    for await (const _ of items) n++;
    return n;
  }
}

@Service("order", { version: "2.1.0" })
export class OrderService {
  readonly #process: SimulatedProcess;

  constructor(process: SimulatedProcess) {
    this.#process = process;
  }

  @Rpc() async place({ item }: { item: string }, ctx: CallContext): Promise<{ item: string; took: string }> {
    const stock = this.#process.service<StockService>("stock");
    const { left } = await stock.look({ item });
    if (left === 0 || ctx.aborted) throw new RpcError("FAILED_PRECONDITION", "there is none");
    return { item, took: await stock.take({ item }) };
  }
}

export const services: SimulationOptions["services"] = [
  { name: "stock", copies: 3, start: (process) => new StockService(process) },
  { name: "order", copies: 2, start: (process) => new OrderService(process) },
];

/** So many calls of all kinds a client, some of them at once. */
export function shopping(rounds: number): SimulationOptions["body"] {
  return (world) =>
    world.each(async (client) => {
      const stock = client.service<StockService>("stock");
      const orders = client.service<OrderService>("order");
      const quietly = (work: Promise<unknown>): Promise<unknown> =>
        work.catch((error: unknown) => {
          if (!RpcError.is(error)) throw error;
        });
      const read = async (most: number): Promise<void> => {
        for await (const item of stock.items(most, { timeoutMs: 8000 }))
          if (item.startsWith("item 9 ")) break;
      };
      for (let n = 0; n < rounds; n++) {
        await client.sleep(client.random() * 800);
        const item = `${client.name}-${n}`;
        const calls = [
          () => quietly(stock.look({ item })),
          () => quietly(stock.take({ item })),
          () => quietly(orders.place({ item })),
          () => quietly(read(n)),
          () => quietly(stock.count([item, item], { timeoutMs: 8000 })),
        ];
        const kinds = [n, n + 1, n + 3].slice(0, 1 + (n % 3)).map((i) => i % calls.length);
        await Promise.all(kinds.map((i) => calls[i]?.()));
      }
    });
}
