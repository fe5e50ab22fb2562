import type { ServiceContract } from "../definition/define-service.ts";
import { serviceNameFault } from "../definition/names.ts";
import { followService } from "../directory/follow-service.ts";
import { RpcError } from "../errors/rpc-error.ts";
import type { ServiceSummary, Snapshot } from "../instance.ts";
import type { MethodReport } from "../server/report.ts";
import { createClientSession } from "../session/client-session.ts";
import type { ServiceCallOptions } from "../types/call-options.ts";
import type { ServiceClient } from "../types/service-client.ts";
import { startIntercepted } from "./call-start.ts";
import { Channel } from "./channel.ts";
import {
  type ClientOptions,
  type CreateSession,
  checkDefaults,
  type ResolvedClientOptions,
  resolveClientOptions,
} from "./client-options.ts";
import { reportMethods } from "./client-report.ts";
import type { DialForeign, DialOptions } from "./dial.ts";
import { createServiceProxy } from "./proxy.ts";
import { resolvePolicy } from "./resolve-policy.ts";
import { type CallerHost, ServiceCaller } from "./service-caller.ts";

/**
 * Finds services in a registry and calls them.
 * @template Known services by name, for `service(name)` without a type argument
 */
export interface Client<Known extends object = Record<never, never>> extends AsyncDisposable {
  /**
   * A service's methods, as an object: `client.service<UserService>("user").getUser({ id })`. What is asked of the registry is known
   * from now on; nothing is thrown where there is no such service: its calls say so.
   * @param options for all of its calls
   * @throws TypeError when an option is wrong, naming it
   */
  service<C extends ServiceContract>(contract: C, options?: ServiceCallOptions): ServiceClient<C>;
  service<K extends keyof Known & string>(name: K, options?: ServiceCallOptions): ServiceClient<Known[K]>;
  service<S>(name: string, options?: ServiceCallOptions): ServiceClient<S>;
  /** All services of the registry that have an instance. */
  list(): Promise<readonly ServiceSummary[]>;
  /** A service's instances: all of them at once, then again after each change. Ends when it is returned or the client is closed. */
  watch(service: string): AsyncIterable<Snapshot>;
  /** Counters and latencies by service and method since start. */
  report(): readonly MethodReport[];
  /** Calls in flight fail with CANCELLED; connections, timers and watches are ended. The registry stays as it is. Idempotent. */
  close(): Promise<void>;
}

/** @throws TypeError when an option is wrong, naming it */
export function createClient<Known extends object = Record<never, never>>(
  options: ClientOptions,
): Client<Known> {
  return new SkeinClient(resolveClientOptions(options), createClientSession);
}

/** createClient with sessions of another kind. */
export function createClientWith(options: ClientOptions, createSession: CreateSession): Client {
  return new SkeinClient(resolveClientOptions(options), createSession);
}

class SkeinClient implements Client {
  readonly #o: ResolvedClientOptions;
  readonly #dial: Omit<DialOptions, "connectTimeoutMs" | "liveness">;
  readonly #host: CallerHost;
  readonly #channels = new Map<string, Channel>();
  readonly #plain = new Map<string, object>();
  readonly #abort = new AbortController();

  constructor(options: ResolvedClientOptions, createSession: CreateSession) {
    const { runtime, transports, codecs, credentials, limits } = options;
    const speakers = options.protocols?.filter(({ speaks }) => speaks !== undefined) ?? [];
    this.#o = options;
    this.#dial = {
      runtime,
      transports,
      codecs,
      credentials,
      limits,
      createSession,
      spoken:
        speakers.length === 0
          ? undefined
          : (instance) => speakers.find(({ speaks }) => speaks?.(instance) === true),
    };
    this.#host = {
      store: options.contextStore,
      chain:
        options.interceptors.length === 0
          ? undefined
          : options.interceptors.reduceRight((next, interceptor) => interceptor(next), startIntercepted),
      defaults: options,
    };
  }

  /** `never`: of whichever type the interface says. */
  service(service: string | { readonly name: string }, options?: ServiceCallOptions): never {
    return this.#service(service, options) as never;
  }

  #service(service: string | { readonly name: string }, options: ServiceCallOptions | undefined): object {
    const name = typeof service === "string" ? service : service?.name;
    const fault = serviceNameFault(name);
    if (fault !== undefined) throw new TypeError(`client.service: ${fault}`);
    if (options !== undefined) {
      checkDefaults(options, `client.service("${name}")`);
      return this.#proxy(name, options);
    }
    let proxy = this.#plain.get(name);
    if (proxy === undefined) {
      proxy = this.#proxy(name, {});
      this.#plain.set(name, proxy);
    }
    return proxy;
  }

  #proxy(name: string, own: ServiceCallOptions): object {
    const channel = this.#channel(name, own.protocol);
    const target = channel.target(own.version ?? this.#o.version);
    const versions = (version: string) => channel.target(version);
    return createServiceProxy(new ServiceCaller(this.#host, target, versions, own));
  }

  #channel(service: string, protocol: string | undefined): Channel {
    const key = protocol === undefined ? service : `${service} ${protocol}`;
    const found = this.#channels.get(key);
    if (found !== undefined) return found;
    const foreign = protocol === undefined ? undefined : this.#foreign(service, protocol);
    const { runtime, logger, registry, selector, ttlMs, zone } = this.#o;
    const policy = resolvePolicy(this.#o.policy, this.#o, service);
    const { connect, liveness } = policy;
    const channel = new Channel({
      runtime,
      logger,
      service,
      policy,
      dial: { ...this.#dial, connectTimeoutMs: connect.timeoutMs, liveness, foreign },
      selector,
      zone,
      ttlMs,
      registry: registry.name,
      names: async () => (await registry.list()).map((summary) => summary.name),
      follow: (directory, signal) => {
        const only = foreign?.service.instance;
        if (only === undefined) void followService(registry, service, directory, runtime, signal);
        else runtime.defer(() => directory.apply({ instances: [only], revision: 0 }));
      },
    });
    this.#channels.set(key, channel);
    if (this.#abort.signal.aborted) channel.close();
    return channel;
  }

  #foreign(service: string, protocol: string): DialForeign {
    const known = this.#o.protocols ?? [];
    const found = known.find((one) => one.protocol === protocol);
    if (found !== undefined) return { protocol, service: found.service(service) };
    const given = known.map((one) => one.protocol).join(", ") || "none";
    throw new TypeError(
      `client.service("${service}"): protocol is "${String(protocol)}": give one of the client's protocols (${given})`,
    );
  }

  async list(): Promise<readonly ServiceSummary[]> {
    this.#open();
    return await this.#o.registry.list();
  }

  watch(service: string): AsyncIterable<Snapshot> {
    this.#open();
    return this.#o.registry.watch(service, { signal: this.#abort.signal });
  }

  #open(): void {
    if (this.#abort.signal.aborted)
      throw new RpcError("CANCELLED", "the client was closed", { executed: "no" });
  }

  report(): readonly MethodReport[] {
    return [...this.#channels.values()].flatMap((channel) => reportMethods(channel.targets));
  }

  async close(): Promise<void> {
    this.#abort.abort();
    for (const channel of this.#channels.values()) channel.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
