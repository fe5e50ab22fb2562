import { type CallContext, Rpc, RpcError, Service, type StandardSchema, serve } from "skein";

/** A schema that knows its JSON form, as zod's and arktype's do. */
const byId: StandardSchema<{ id: string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "object" && value !== null && "id" in value && typeof value.id === "string"
        ? { value: { id: value.id } }
        : { issues: [{ message: "expected a string", path: ["id"] }] },
    jsonSchema: {
      input: () => ({ type: "object", properties: { id: { type: "string" } }, required: ["id"] }),
    },
  } as StandardSchema<{ id: string }>["~standard"],
};

@Service("user", { version: "1.2.0" })
class UserService {
  @Rpc({ idempotent: true, timeoutMs: 4000, input: byId })
  async getUser({ id }: { id: string }): Promise<{ id: string; name: string }> {
    if (id === "gone") throw new RpcError("NOT_FOUND", "no user has the id gone", { details: { id } });
    return { id, name: "Ada" };
  }

  @Rpc()
  async whoAmI(_: undefined, context: CallContext): Promise<Readonly<Record<string, string>>> {
    return context.metadata;
  }

  /** 0, 1, 2, … for as long as somebody listens. */
  @Rpc()
  async *count(): AsyncGenerator<number> {
    for (let at = 0; ; at++) yield at;
  }

  /** Says that it has begun, then nothing more. */
  @Rpc()
  async *wait(_: undefined, context: CallContext): AsyncGenerator<string> {
    yield "begun";
    await new Promise<void>((resolve) => context.onAbort(() => resolve()));
    process.stdout.write("wait was aborted\n");
  }

  @Rpc({ kind: "client-stream" })
  async sum(numbers: AsyncIterable<number>): Promise<number> {
    let total = 0;
    for await (const number of numbers) {
      process.stdout.write(`sum was given ${number}\n`);
      total += number;
    }
    return total;
  }
}

await serve(new UserService());
