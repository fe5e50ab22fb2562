import type { EndpointInfo } from "../../endpoint.ts";
import { createFakeRuntime, type FakeRuntime, settle } from "../../testing/fake-clock.ts";
import { plainJsonCodec } from "../../testing/json-codec.ts";
import { loggerTo } from "../../testing/logger-to.ts";
import type { CallOptions } from "../../types/call-options.ts";
import type { CallObject } from "../call-object.ts";
import { type Client, createClientWith } from "../client.ts";
import type { ClientOptions } from "../client-options.ts";
import { createFakeRegistry, type FakeRegistry, instance } from "./fake-registry.ts";
import { FakeSession, FakeTransport } from "./fake-session.ts";
import { type CountingSelector, createCountingSelector } from "./round-robin.ts";

export type AnyService = Record<string, (input?: unknown, options?: CallOptions) => CallObject> & {
  call(name: string, input?: unknown, options?: CallOptions): CallObject;
};

/** A client whose world is the test: registry, sessions, clock. */
export class Bench {
  readonly runtime: FakeRuntime = createFakeRuntime();
  readonly registry: FakeRegistry = createFakeRegistry();
  readonly transport = new FakeTransport();
  readonly selector: CountingSelector = createCountingSelector();
  readonly sessions: FakeSession[] = [];
  readonly log: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  readonly client: Client;
  /** What instances offer. */
  offers: Record<string, Partial<EndpointInfo>> = {
    getUser: { idempotent: true },
    addUser: {},
    watchUsers: { kind: "server-stream" },
    importUsers: { kind: "client-stream" },
    chat: { kind: "bidi-stream" },
  };

  constructor(options: Partial<ClientOptions> = {}) {
    this.client = createClientWith(
      {
        runtime: this.runtime,
        logger: loggerTo((level, message, fields) => void this.log.push({ level, message, fields })),
        registry: this.registry,
        transports: [this.transport],
        codecs: [plainJsonCodec],
        selector: this.selector.factory,
        ...options,
      },
      (given) => {
        const session = new FakeSession(given);
        this.sessions.push(session);
        return session;
      },
    );
  }

  user(options?: CallOptions): AnyService {
    return this.client.service("user", options) as unknown as AnyService;
  }

  other(service: string): AnyService {
    return this.client.service(service) as unknown as AnyService;
  }

  /** The newest session to an instance. */
  session(id: string): FakeSession {
    const found = this.sessions.findLast((s) => s.options.instance === id);
    if (found === undefined) throw new Error(`no session to ${id}`);
    return found;
  }

  list(...ids: string[]): void {
    this.registry.set(
      "user",
      ids.map((id) => instance(id)),
    );
  }

  /** Lists instances, and lets each answer HELLO. */
  async serve(...ids: string[]): Promise<AnyService> {
    const user = this.user();
    this.list(...ids);
    await settle();
    for (const id of ids) this.session(id).hello(this.offers);
    await settle();
    return user;
  }

  /** Nothing is left behind: call at the end. */
  async close(): Promise<{ timers: number; watching: number; openPicks: number }> {
    await this.client.close();
    await settle();
    return {
      timers: this.runtime.clock.timers,
      watching: this.registry.watching,
      openPicks: [...this.selector.open.values()].reduce((sum, n) => sum + Math.abs(n), 0),
    };
  }
}

export const NOTHING = { timers: 0, watching: 0, openPicks: 0 };

/** How a call ended: its value, or its error. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    (value) => value,
    (error) => error,
  );
}
