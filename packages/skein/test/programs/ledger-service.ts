// A service that writes down what it executes. LEDGER: the file; NAME: the service's name.
import { appendFileSync } from "node:fs";
import { type CallContext, Rpc, Service, serve } from "skein";

const note = (line: string): void => appendFileSync(process.env.LEDGER as string, `${line}\n`);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

@Service(process.env.NAME ?? "ledger", { version: "1.0.0" })
class LedgerService {
  @Rpc({ idempotent: true })
  async again({ id, ms }: { id: string; ms: number }): Promise<string> {
    return this.#work(id, ms);
  }

  @Rpc()
  async once({ id, ms }: { id: string; ms: number }): Promise<string> {
    return this.#work(id, ms);
  }

  @Rpc()
  async *items(
    { id, count, ms }: { id: string; count: number; ms: number },
    _ctx: CallContext,
  ): AsyncGenerator<string> {
    note(`begin ${id}`);
    for (let i = 0; i < count; i++) {
      if (ms > 0) await wait(ms);
      yield `${id}/${i}`;
    }
    note(`end ${id}`);
  }

  async #work(id: string, ms: number): Promise<string> {
    note(`begin ${id}`);
    if (ms > 0) await wait(ms);
    note(`end ${id}`);
    return `done ${id}`;
  }
}

await serve(new LedgerService());
process.send?.("ready");
