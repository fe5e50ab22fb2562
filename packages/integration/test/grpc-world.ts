import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type CallContext, type Registry, silentLogger } from "@skein/core";
import { type GrpcDoorOptions, grpcDoor } from "@skein/grpc";
import { createMemoryRegistry } from "@skein/registry";
import { type App, Rpc, RpcError, type ServeOptions, Service, serve } from "skein";
import { nodeRuntime } from "skein/internal";
import { afterEach } from "vitest";

@Service("desk", { version: "1.0.0" })
export class DeskService {
  readonly aborted: unknown[] = [];
  running = 0;

  @Rpc() async greet({ name }: { name: string }): Promise<{ text: string }> {
    return { text: `Hello, ${name}` };
  }
  @Rpc() async about(
    _: unknown,
    ctx: CallContext,
  ): Promise<{ peer: string; left: number; metadata: Record<string, string> }> {
    return { peer: ctx.peer, left: ctx.timeLeftMs, metadata: { ...ctx.metadata } };
  }
  @Rpc() async wait({ ms }: { ms: number }, ctx: CallContext): Promise<string> {
    this.running++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort((reason) => {
        clearTimeout(timer);
        this.aborted.push(reason);
        resolve();
      });
    });
    return "waited";
  }
  @Rpc() async fail(): Promise<never> {
    throw new RpcError("FAILED_PRECONDITION", "no: 100 % nö", {
      type: "DESK_SHUT",
      details: { until: [1, "x", true, null] },
    });
  }
  @Rpc() async *count({ to }: { to: number }, ctx: CallContext): AsyncGenerator<{ n: number }> {
    ctx.onAbort((reason) => this.aborted.push(reason));
    for (let n = 1; n <= to; n++) yield { n };
  }
  @Rpc({ kind: "client-stream" }) async sum(numbers: AsyncIterable<{ n: number }>): Promise<{ sum: number }> {
    let sum = 0;
    for await (const { n } of numbers) sum += n;
    return { sum };
  }
  @Rpc({ kind: "bidi-stream" }) async *echo(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const item of items) yield { echo: item };
  }
}

export const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const decode = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

/** Apps, clients and a registry of one test. */
export function useGrpc() {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const world = {
    registry: undefined as Registry | undefined,
    async start(
      targets: object[],
      options: ServeOptions & { readonly grpc?: GrpcDoorOptions } = {},
    ): Promise<App> {
      const { grpc, ...rest } = options;
      if (world.registry === undefined) {
        const registry = createMemoryRegistry({ runtime: nodeRuntime });
        world.registry = registry;
        cleanups.push(() => {
          world.registry = undefined;
          return registry.close();
        });
      }
      const app = await serve(...targets, {
        registry: world.registry,
        log: silentLogger,
        signals: false,
        doors: [grpcDoor(grpc)],
        ...rest,
      });
      cleanups.push(() => app.close());
      return app;
    },
    client(app: App): Client {
      const client = new Client(new URL(app.address).host, credentials.createInsecure(), {
        "grpc.use_local_subchannel_pool": 1,
      });
      cleanups.push(() => client.close());
      return client;
    },
    session(app: App): ClientHttp2Session {
      const session = connect(app.address.replace("tcp:", "http:"));
      session.on("error", () => {});
      cleanups.push(() => session.destroy());
      return session;
    },
    cleanup(what: () => unknown): void {
      cleanups.push(what);
    },
  };
  return world;
}

export function unary(
  client: Client,
  path: string,
  input: unknown,
  options: { readonly deadlineMs?: number; readonly metadata?: Record<string, string> } = {},
): Promise<unknown> & { cancel(): void } {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
  let cancel = (): void => {};
  const answer = new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      encode,
      decode,
      input,
      metadata,
      deadline,
      (error: ServiceError | null, value?: unknown) => (error === null ? resolve(value) : reject(error)),
    );
    cancel = () => call.cancel();
  });
  return Object.assign(answer, { cancel: () => cancel() });
}

/** A request by hand: its headers, messages and trailers are ours to choose. */
export async function raw(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  more: Record<string, string> = {},
): Promise<{ headers: IncomingHttpHeaders; trailers: IncomingHttpHeaders; body: Buffer }> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    te: "trailers",
    "content-type": "application/grpc+json",
    ...more,
  });
  stream.end(body);
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (given) => (headers = given));
  stream.on("trailers", (given) => (trailers = given));
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return { headers, trailers, body: Buffer.concat(parts) };
}

export function framed(message: Buffer | string, compressed = 0): Buffer {
  const bytes = Buffer.from(message);
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
