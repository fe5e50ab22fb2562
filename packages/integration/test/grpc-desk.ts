import { join } from "node:path";
import { type CallContext, Rpc, RpcError, Service } from "skein";

export const protoFolder = join(import.meta.dirname, "../go/grpc");
export const protoFile = join(protoFolder, "desk.proto");

/** The service of desk.proto. */
@Service("desk", { version: "1.0.0" })
export class ProtoDeskService {
  #n = 0;

  @Rpc() async greet({ name }: { name: string }): Promise<object> {
    if (name === "") throw new RpcError("INVALID_ARGUMENT", "no name");
    return {
      text: `Hello, ${name}`,
      big: "9007199254740993",
      tone: "WARM",
      at: { seconds: 1700000000, nanos: 0 },
      sideNotes: { first: { lines: ["a"] } },
    };
  }
  @Rpc() async about(_: unknown, ctx: CallContext): Promise<object> {
    return { tenant: ctx.metadata["x-tenant"], leftMs: Math.round(ctx.timeLeftMs) };
  }
  @Rpc() async fail(_: unknown): Promise<object> {
    throw new RpcError("FAILED_PRECONDITION", "the desk is shut — ü", {
      type: "DESK_SHUT",
      details: { until: 9 },
    });
  }
  @Rpc() async *count({ to }: { to: number }): AsyncGenerator<object> {
    for (let n = 1; n <= to; n++) yield { n };
  }
  @Rpc({ kind: "client-stream" }) async sum(numbers: AsyncIterable<{ n: number }>): Promise<object> {
    let sum = 0;
    for await (const { n } of numbers) sum += n;
    return { sum };
  }
  @Rpc({ kind: "bidi-stream" }) async *echo(items: AsyncIterable<{ n: number }>): AsyncGenerator<object> {
    for await (const { n } of items) yield { n: n + this.#n };
  }
}
