import { type CallContext, defineErrors, Rpc, RpcError, Service } from "@skein/core";
import { schemaOf } from "./schema.ts";

const id = { type: "string", minLength: 1 };
const Id = schemaOf<{ id: string }>(
  { type: "object", properties: { id }, required: ["id"] },
  (value) => typeof value?.id === "string" && value.id !== "",
);
/** With references into itself. */
const Named = schemaOf<{ id: string; name: string }>(
  {
    type: "object",
    properties: {
      id: { $ref: "#/$defs/Text" },
      name: { $ref: "#/$defs/Text" },
      friends: { type: "array", items: { $ref: "#" } },
    },
    $defs: { Text: { type: "string" } },
  },
  () => true,
);

export const DeskErrors = defineErrors({
  GONE: { code: "NOT_FOUND", data: Id },
});

/** One method of each kind and for each thing that a door has to carry. */
@Service("desk", { version: "1.2.0" })
export class DeskService {
  readonly aborted: string[] = [];
  running = 0;
  /** Ends what waits. */
  readonly pauses = new Set<() => void>();
  imported: unknown[] = [];
  given = 0;

  @Rpc({
    idempotent: true,
    input: Id,
    output: Named,
    errors: DeskErrors,
  })
  async getUser({ id }: { id: string }): Promise<{ id: string; name: string }> {
    if (id === "7") throw DeskErrors.GONE({ id });
    return { id, name: "Ada" };
  }
  @Rpc() async echo(input: unknown): Promise<unknown> {
    return input;
  }
  @Rpc() async context(_: undefined, ctx: CallContext): Promise<unknown> {
    const { peer, metadata, traceparent, timeLeftMs } = ctx;
    return { peer, metadata: { ...metadata }, traceparent, timeLeftMs };
  }
  @Rpc({ idempotent: true }) async odd(): Promise<unknown> {
    return { bytes: new Uint8Array([1, 2, 255]), big: 12345678901234567890n, at: new Date(0) };
  }
  @Rpc({ idempotent: true }) async long(length: number): Promise<string> {
    return "x".repeat(length);
  }
  @Rpc() async fail(code: "UNAVAILABLE"): Promise<void> {
    throw new RpcError(code, `it is ${code}`, { details: { code } });
  }
  @Rpc() async crash(): Promise<void> {
    throw new Error("password=hunter2");
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.running++;
    await this.#pause(ms, ctx);
    return "waited";
  }
  @Rpc({ limits: { concurrency: 1 } }) async narrow(ms: number, ctx: CallContext): Promise<string> {
    return this.wait(ms, ctx);
  }
  async #pause(ms: number, ctx: CallContext): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.pauses.add(end);
      ctx.onAbort((reason) => {
        this.aborted.push(String((reason as Error).message));
        end();
      });
    });
  }
  @Rpc({ idempotent: true }) async *count(to: number): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }
  @Rpc() async *breaks(after: number): AsyncGenerator<number> {
    for (let n = 1; n <= after; n++) yield n;
    throw DeskErrors.GONE({ id: "9" });
  }
  @Rpc() async *flood(_: undefined, ctx: CallContext): AsyncGenerator<string> {
    ctx.onAbort((reason) => this.aborted.push(String((reason as Error).message)));
    while (!ctx.aborted) {
      this.given++;
      yield "x".repeat(10_000);
    }
  }
  @Rpc() async *quiet(_: undefined, ctx: CallContext): AsyncGenerator<number> {
    this.running++;
    await this.#pause(60_000, ctx);
    // Late, so that it is the caller's side that ends the call.
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (!ctx.aborted) yield 1;
  }
  @Rpc({ kind: "client-stream" }) async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const n of numbers) {
      this.imported.push(n);
      sum += n;
    }
    return sum;
  }
  @Rpc({ kind: "client-stream" }) async first(numbers: AsyncIterable<number>): Promise<number> {
    for await (const n of numbers) return n;
    return -1;
  }
  @Rpc({ kind: "bidi-stream" }) async *double(numbers: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const n of numbers) yield n * 2;
  }
}
