import type { Endpoint, ServiceDefinition } from "../../endpoint.ts";
import type { RpcError } from "../../errors/rpc-error.ts";
import { silentLogger } from "../../runtime.ts";
import { createServer, type Server, type ServerOptions } from "../../server/server.ts";
import { createFakeRuntime, type FakeRuntime, settle } from "../../testing/fake-clock.ts";
import { plainJsonCodec } from "../../testing/json-codec.ts";
import { createLink, type Link, type LinkOptions } from "../../testing/link.ts";
import { createClientSession } from "../client-session.ts";
import type { ClientSession, ClientSessionOptions } from "../client-session-types.ts";
import { ItemQueue } from "../item-queue.ts";
import type { OutgoingCall, RemoteEndpoint } from "../outgoing-call.ts";

type Handler = Endpoint["handler"];
export type EndpointOf = Partial<Endpoint> & { readonly handler: Handler };

/** A definition from bare handlers: a function alone is a unary endpoint. */
export function define(name: string, endpoints: Record<string, Handler | EndpointOf>): ServiceDefinition {
  const map = new Map<string, Endpoint>();
  for (const [key, given] of Object.entries(endpoints)) {
    const own = typeof given === "function" ? { handler: given } : given;
    map.set(key, {
      name: key,
      kind: "unary",
      idempotent: false,
      timeoutMs: undefined,
      priority: "normal",
      input: undefined,
      output: undefined,
      errors: undefined,
      ...own,
    });
  }
  return { name, version: "1.0.0", label: "Test", endpoints: map, warnings: [] };
}

/** One attempt, recording how it ended and how often. */
export class RecordedCall implements OutgoingCall {
  readonly endpoint: RemoteEndpoint;
  readonly input: unknown;
  readonly expiresAt: number;
  readonly metadata: OutgoingCall["metadata"];
  readonly attempt: number;
  readonly items: ItemQueue | undefined;
  id = 0;
  inputTaken = false;
  ends = 0;
  value: unknown;
  load = 0;
  error: RpcError | undefined;
  readonly ended: Promise<void>;
  #end: () => void = () => {};

  constructor(endpoint: RemoteEndpoint, input: unknown, options: Partial<OutgoingCall> = {}) {
    this.endpoint = endpoint;
    this.input = input;
    this.expiresAt = options.expiresAt ?? Number.POSITIVE_INFINITY;
    this.metadata = options.metadata;
    this.attempt = options.attempt ?? 0;
    const streams = endpoint.kind === "server-stream" || endpoint.kind === "bidi-stream";
    this.items = streams ? (options.items ?? new ItemQueue()) : undefined;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  finish(value: unknown, load: number): void {
    this.ends++;
    this.value = value;
    this.load = load;
    this.#end();
  }
  fail(error: RpcError): void {
    this.ends++;
    this.error = error;
    this.items?.fail(error);
    this.#end();
  }
  abandoned(): void {
    this.#end();
  }
  /** The value, or throws the error. */
  async result(): Promise<unknown> {
    await this.ended;
    if (this.error !== undefined) throw this.error;
    return this.value;
  }
}

export interface Pair {
  readonly runtime: FakeRuntime;
  readonly link: Link;
  readonly server: Server;
  readonly session: ClientSession;
  readonly events: string[];
  /** Why the session closed. */
  closed: RpcError | undefined;
  call(method: string, input?: unknown, options?: Partial<OutgoingCall>): RecordedCall;
}

export interface PairOptions {
  readonly service?: ServiceDefinition;
  readonly handlers?: Record<string, Handler | EndpointOf>;
  readonly server?: Partial<ServerOptions>;
  readonly client?: Partial<ClientSessionOptions>;
  readonly link?: Partial<LinkOptions>;
  readonly runtime?: FakeRuntime;
}

/** A client session and a server, joined; HELLO done unless the link is manual. */
export async function joinPair(options: PairOptions): Promise<Pair> {
  const runtime = options.runtime ?? createFakeRuntime();
  const server = createServer({ runtime, logger: silentLogger, codecs: [plainJsonCodec], ...options.server });
  const definition = options.service ?? define("user", options.handlers ?? {});
  server.add(definition, "instance-1");
  const link = createLink({ runtime, ...options.link });
  server.accept(link.server);
  const events: string[] = [];
  const pair: Pair = {
    runtime,
    link,
    server,
    events,
    closed: undefined,
    session: createClientSession({
      runtime,
      connection: link.client,
      codecs: [plainJsonCodec],
      service: definition.name,
      instance: undefined,
      events: {
        ready: () => events.push("ready"),
        suspect: (s) => events.push(s ? "suspect" : "cleared"),
        draining: () => events.push("draining"),
        closed: (error) => {
          events.push("closed");
          pair.closed = error;
        },
      },
      ...options.client,
    }),
    call(method, input, given) {
      const endpoint = this.session.endpoints.get(method);
      if (endpoint === undefined) throw new Error(`no endpoint ${method}`);
      const call = new RecordedCall(endpoint, input, given);
      this.session.start(call);
      return call;
    },
  };
  await settle();
  return pair;
}
