import { type CallContext, defineErrors, Rpc, RpcError, Service } from "@skein/core";

export const GreeterErrors = defineErrors({ SHUT: { code: "UNAVAILABLE" } });

/** What the page's Go service is, as one of ours. */
@Service("greeter", { version: "2.0.0" })
export class GreeterService {
  readonly aborted: string[] = [];
  /** Calls of wait() that have begun. */
  waiting = 0;

  @Rpc({ idempotent: true }) async hello({ name }: { name: string }): Promise<{ message: string }> {
    return { message: `Hello ${name}` };
  }
  @Rpc() async fail({ name }: { name: string }): Promise<void> {
    throw new RpcError("INVALID_ARGUMENT", `bad name ${name}`);
  }
  @Rpc() async failWith({ code }: { code: "ABORTED" }): Promise<void> {
    throw new RpcError(code, "why");
  }
  @Rpc() async plain({ name }: { name: string }): Promise<void> {
    throw new RpcError("UNKNOWN", `plain failure for ${name}`);
  }
  @Rpc({ errors: GreeterErrors }) async shut(): Promise<void> {
    throw GreeterErrors.SHUT();
  }
  @Rpc() async crash(): Promise<void> {
    throw new Error("password=hunter2");
  }
  @Rpc() async crashBadly(): Promise<void> {
    throw undefined;
  }
  @Rpc() async nothing(): Promise<void> {}
  @Rpc() async echo(input: unknown): Promise<unknown> {
    return { input: input === undefined ? "none" : input };
  }
  @Rpc() async context(_: unknown, { metadata, timeLeftMs }: CallContext): Promise<unknown> {
    return { metadata: { ...metadata }, timeLeftMs };
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.waiting++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort((reason) => {
        clearTimeout(timer);
        this.aborted.push((reason as Error).message);
        // Later than its caller's own look at the deadline.
        setTimeout(resolve, 100);
      });
    });
    return "waited";
  }
  @Rpc() async *stream({ to }: { to: number }): AsyncGenerator<{ n: number }> {
    for (let n = 0; n < to; n++) yield { n };
  }
}
