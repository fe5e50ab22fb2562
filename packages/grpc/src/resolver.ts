import { type ChannelOptions, experimental, Metadata, type ServiceConfig, status } from "@grpc/grpc-js";
import type { Instance, Registry, Snapshot } from "@skein/core";

export interface ResolverOptions {
  /** Of the targets: `skein` for `skein:///user`. @default "skein" */
  readonly scheme?: string | undefined;
  /** Of the addresses in the instances' records. @default "grpc" */
  readonly protocol?: string | undefined;
}

/** Every address is connected to, calls go round. A channel's own `grpc.service_config` wins. */
const ROUND_ROBIN: ServiceConfig = {
  loadBalancingConfig: [{ round_robin: {} }] as unknown as ServiceConfig["loadBalancingConfig"],
  methodConfig: [],
};

/**
 * From now on `new Client("skein:///user", credentials)` of @grpc/grpc-js follows what the registry has of `user`, by watch. The certificate that TLS
 * asks for is `user`'s. The registry stays yours to close, after the clients; each client's watch ends with it.
 * Of grpc-js it must be the same copy: it is a peer dependency.
 * @throws TypeError when an option is wrong
 */
export function registerSkeinResolver(registry: Registry, options: ResolverOptions = {}): void {
  const { scheme = "skein", protocol = "grpc" } = options;
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme))
    throw new TypeError(
      `registerSkeinResolver: option scheme is ${JSON.stringify(scheme)}: give a URL's, as in "skein"`,
    );
  class RegistryResolver {
    static getDefaultAuthority(target: experimental.GrpcUri): string {
      return serviceOf(target);
    }
    readonly updateResolution: () => void;
    readonly destroy: () => void;
    constructor(
      target: experimental.GrpcUri,
      listener: experimental.ResolverListener,
      channel: ChannelOptions,
    ) {
      const follower = new Follower(registry, serviceOf(target), protocol, listener, channel);
      this.updateResolution = () => follower.start();
      this.destroy = () => follower.stop();
    }
  }
  experimental.registerResolver(scheme, RegistryResolver);
}

/** `skein:///user`, and `skein:user`. */
function serviceOf({ path }: experimental.GrpcUri): string {
  return path.replace(/^\//, "");
}

/** A watch that ended is not begun anew any sooner, ms: the channel asks with each call. */
const AGAIN_MS = 500;

/** One channel's watch. */
class Follower {
  readonly #registry: Registry;
  readonly #service: string;
  readonly #protocol: string;
  readonly #listener: experimental.ResolverListener;
  readonly #config: experimental.StatusOr<ServiceConfig> | null;
  #abort: AbortController | undefined;
  /** On performance's clock. */
  #notBefore = 0;
  /** As last told. */
  #told: string | undefined;

  constructor(
    registry: Registry,
    service: string,
    protocol: string,
    listener: experimental.ResolverListener,
    channel: ChannelOptions,
  ) {
    this.#registry = registry;
    this.#service = service;
    this.#protocol = protocol;
    this.#listener = listener;
    this.#config =
      channel["grpc.service_config"] === undefined ? experimental.statusOrFromValue(ROUND_ROBIN) : null;
  }

  /** Asked again by a channel that has lost connections: it watches already, and will hear. */
  start(): void {
    if (this.#abort !== undefined || performance.now() < this.#notBefore) return;
    const abort = new AbortController();
    this.#abort = abort;
    void this.#follow(abort.signal)
      .catch((error: unknown) => error)
      .then((error: unknown) => {
        if (abort.signal.aborted) return;
        // The channel asks again, after a while or with its next call: then it begins anew.
        this.#abort = undefined;
        this.#notBefore = performance.now() + AGAIN_MS;
        this.#told = undefined;
        this.#fail(this.#trouble(error ?? "its watch ended"));
      });
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#told = undefined;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const snapshot of this.#registry.watch(this.#service, { signal })) {
      if (signal.aborted) return;
      this.#tell(snapshot);
    }
  }

  /** A registry in trouble changes nothing; without anything known before it is an error. */
  #tell({ instances, stale, error }: Snapshot): void {
    const troubled = stale === true || error !== undefined;
    if (troubled && (this.#told !== undefined || instances.length === 0)) {
      if (this.#told === undefined) this.#fail(this.#trouble(error));
      return;
    }
    const endpoints = instances.flatMap((instance) => endpointOf(instance, this.#protocol));
    const text = JSON.stringify(endpoints);
    if (text === this.#told) return;
    this.#told = text;
    // Given an empty list, round_robin holds calls back for ever; given an error, it fails them, or keeps what it is connected to.
    if (endpoints.length === 0) this.#fail(this.#why(instances));
    else this.#listener(experimental.statusOrFromValue([...endpoints]), {}, this.#config, "");
  }

  #why(instances: readonly Instance[]): string {
    const { name } = this.#registry;
    if (instances.length === 0) return `${name} has no instance of ${this.#service}`;
    return `of ${instances.length} instances of ${this.#service} in ${name} none is serving ${this.#protocol}`;
  }

  #trouble(error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return `${this.#registry.name} cannot tell the instances of ${this.#service}: ${why}`;
  }

  #fail(details: string): void {
    const failure = experimental.statusOrFromError<experimental.Endpoint[]>({
      code: status.UNAVAILABLE,
      details,
      metadata: new Metadata(),
    });
    this.#listener(failure, {}, this.#config, "");
  }
}

function endpointOf({ status, addresses }: Instance, protocol: string): readonly experimental.Endpoint[] {
  const url = status === "serving" ? addresses.find((a) => a.protocol === protocol)?.url : undefined;
  const [, host, port] = /^[^:]+:\/\/(.+):(\d+)\/?$/.exec(url ?? "") ?? [];
  if (host === undefined || port === undefined) return [];
  return [{ addresses: [{ host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) }] }];
}
