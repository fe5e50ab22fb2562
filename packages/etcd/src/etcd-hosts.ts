import { createRequire } from "node:module";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Logger, RpcError } from "@skein/core";
import type { EtcdTarget } from "./etcd-url.ts";

/** The store has a quorum's say in it, or the answer is an error: a member that was cut off must not be believed. */
const REQUIRE_LEADER: readonly [string, string] = ["hasleader", "true"];
/** A question to the last host that is left may take so long, ms; to one of several less, so that the others are asked as well. */
const LAST_MS = 5000;
const ONE_OF_SEVERAL_MS = 1500;

const CHANNEL: grpc.ChannelOptions = {
  // etcd ends connections that ping more often than each 5 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 3000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
  // What we list comes in pages, but a page may have large values.
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  // Not shared with other clients of the process: theirs may be closed, or have other credentials.
  "grpc.use_local_subchannel_pool": 1,
  // A host is chosen by its position, and there is no one to tell about others.
  "grpc.service_config_disable_resolution": 1,
};

/** Codes that say more about the host than about the question. */
const ELSEWHERE: ReadonlySet<number> = new Set([
  grpc.status.UNAVAILABLE,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.CANCELLED,
  grpc.status.INTERNAL,
  grpc.status.RESOURCE_EXHAUSTED,
]);

type Unary = (
  request: unknown,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: (error: grpc.ServiceError | null, answer: unknown) => void,
) => grpc.ClientUnaryCall;
type Duplex = (
  metadata: grpc.Metadata,
  options?: grpc.CallOptions,
) => grpc.ClientDuplexStream<unknown, unknown>;
type Service = "KV" | "Lease" | "Watch" | "Auth";
type Stub = grpc.Client & Readonly<Record<string, Unary | Duplex>>;
type StubConstructor = new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options: grpc.ClientOptions,
) => Stub;

let loaded: Readonly<Record<Service, StubConstructor>> | undefined;

/** etcd's services, from the definitions that etcd3 brings. */
function services(): Readonly<Record<Service, StubConstructor>> {
  if (loaded === undefined) {
    const proto = join(createRequire(import.meta.url).resolve("etcd3"), "../../proto/rpc.proto");
    const definition = loadSync(proto, {
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    });
    const { etcdserverpb } = grpc.loadPackageDefinition(definition) as unknown as {
      etcdserverpb: Readonly<Record<Service, StubConstructor>>;
    };
    loaded = etcdserverpb;
  }
  return loaded;
}

/** One endpoint of the cluster: a channel, shared by all services. */
class Host {
  readonly address: string;
  readonly #stubs = new Map<Service, Stub>();
  readonly #channel: grpc.Channel;

  constructor(address: string, tls: EtcdTarget["tls"]) {
    this.address = address;
    const credentials =
      tls === undefined
        ? grpc.credentials.createInsecure()
        : grpc.credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
    const name = tls?.serverName === undefined ? {} : { "grpc.ssl_target_name_override": tls.serverName };
    this.#channel = new grpc.Channel(address, credentials, { ...CHANNEL, ...name });
  }

  stub(service: Service): Stub {
    let stub = this.#stubs.get(service);
    if (stub === undefined) {
      const Constructor = services()[service];
      stub = new Constructor(this.address, grpc.credentials.createInsecure(), {
        channelOverride: this.#channel,
      });
      this.#stubs.set(service, stub);
    }
    return stub;
  }

  close(): void {
    this.#channel.close();
  }
}

/** A stream to a host, and how to say what it was. */
export interface HostStream {
  readonly stream: grpc.ClientDuplexStream<unknown, unknown>;
  readonly host: string;
  /** Its error says that the host is no good, or our token. */
  failed(error: unknown): void;
}

/**
 * Asks one host as long as it answers, then the next. Logs in where there is a password, and again when the token is no longer known.
 */
export class EtcdHosts {
  readonly #hosts: readonly Host[];
  readonly #credentials: EtcdTarget["credentials"];
  readonly #logger: Logger;
  #current = 0;
  #token: Promise<string | undefined> | undefined;
  #closed = false;

  constructor(target: EtcdTarget, logger: Logger, random: () => number) {
    this.#hosts = target.hosts.map((address) => new Host(address, target.tls));
    this.#credentials = target.credentials;
    this.#logger = logger;
    // Clients spread over the cluster.
    this.#current = Math.floor(random() * this.#hosts.length);
  }

  /** Rejects with the error of the last host asked, as an RpcError without credentials. */
  async ask<Answer>(service: Service, method: string, request: unknown): Promise<Answer> {
    return (await this.#overHosts((host, ms) =>
      this.#authorized((m) => unary(host, service, method, request, m, ms), host),
    )) as Answer;
  }

  /** A stream to the present host. */
  async open(
    service: Service,
    method: string,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<HostStream> {
    this.#mustBeOpen();
    const host = this.#hosts[this.#current] as Host;
    const metadata = metadataOf(await this.#login(host));
    this.#mustBeOpen();
    const stub = host.stub(service);
    const { timeoutMs } = options;
    const stream = (stub[method] as Duplex).call(
      stub,
      metadata,
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    );
    return {
      stream,
      host: host.address,
      failed: (error) => {
        if (isTokenFault(error)) this.#token = undefined;
        else if (isElsewhere(error)) this.#leave(host, error);
      },
    };
  }

  async #overHosts<T>(attempt: (host: Host, ms: number) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      this.#mustBeOpen();
      const host = this.#hosts[this.#current] as Host;
      const last = tried >= this.#hosts.length;
      try {
        return await attempt(host, last ? LAST_MS : ONE_OF_SEVERAL_MS);
      } catch (error) {
        if (!isElsewhere(error)) throw plain(error, host.address);
        this.#leave(host, error);
        if (last) throw plain(error, host.address);
      }
    }
  }

  #leave(host: Host, error: unknown): void {
    if (this.#hosts.length < 2 || this.#hosts[this.#current] !== host || this.#closed) return;
    this.#current = (this.#current + 1) % this.#hosts.length;
    this.#logger.warn(
      { from: host.address, to: this.#hosts[this.#current]?.address, err: plain(error, host.address) },
      "an etcd host failed: asking the next",
    );
  }

  /** Once more with a new token where the one we had is not known any more: simple tokens end when etcd does. */
  async #authorized<T>(attempt: (metadata: grpc.Metadata) => Promise<T>, host: Host): Promise<T> {
    const token = this.#login(host);
    try {
      return await attempt(metadataOf(await token));
    } catch (error) {
      if (this.#credentials === undefined || !isTokenFault(error)) throw error;
      if (this.#token === token) this.#token = undefined;
      return await attempt(metadataOf(await this.#login(host)));
    }
  }

  /** One at a time, shared by all who ask meanwhile. */
  #login(host: Host): Promise<string | undefined> {
    if (this.#credentials === undefined) return Promise.resolve(undefined);
    if (this.#token === undefined) {
      const { username: name, password } = this.#credentials;
      const token = authenticate(host, name, password).then((got) => {
        if (got === undefined)
          this.#logger.warn({ host: host.address }, "etcd has no authentication: the password is not used");
        return got;
      });
      this.#token = token;
      token.catch(() => {
        if (this.#token === token) this.#token = undefined;
      });
    }
    return this.#token;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the client of etcd is closed");
  }

  close(): void {
    this.#closed = true;
    for (const host of this.#hosts) host.close();
  }
}

/** Undefined where etcd asks nobody for a password. */
async function authenticate(host: Host, name: string, password: string): Promise<string | undefined> {
  try {
    const answer = await unary(
      host,
      "Auth",
      "authenticate",
      { name, password },
      metadataOf(undefined),
      LAST_MS,
    );
    return (answer as { token: string }).token;
  } catch (error) {
    if (detailsOf(error).includes("authentication is not enabled")) return undefined;
    throw error;
  }
}

function metadataOf(token: string | undefined): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(...REQUIRE_LEADER);
  if (token !== undefined) metadata.set("token", token);
  return metadata;
}

function unary(
  host: Host,
  service: Service,
  method: string,
  request: unknown,
  metadata: grpc.Metadata,
  timeoutMs: number,
): Promise<unknown> {
  const stub = host.stub(service);
  return new Promise((resolve, reject) => {
    (stub[method] as Unary).call(
      stub,
      request,
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      },
    );
  });
}

export function codeOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

const GRPC_NOISE = /\s*Resolution note:.*$/s;
const CONNECTION_NOISE = /^No connection established\. Last error: (?:Error: )?/;

export function detailsOf(error: unknown): string {
  const { details, message } = error as { details?: string; message?: string };
  return (details || message || "").replace(GRPC_NOISE, "").replace(CONNECTION_NOISE, "");
}

function isElsewhere(error: unknown): boolean {
  return ELSEWHERE.has(codeOf(error) ?? -1);
}

function isTokenFault(error: unknown): boolean {
  return /invalid auth token|auth.*revision.*old|revision of auth store is old/i.test(detailsOf(error));
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/user name is empty/, "etcd wants a password: give etcd://user:password@…"],
  [/invalid user ID or password/, "the user name or the password is wrong"],
  [/permission denied/, "the user may not use these keys: grant it the prefix"],
  [
    /self-signed certificate|unable to verify|unable to get local issuer/i,
    "its certificate is not known: give ca=FILE",
  ],
];

/** As an error of ours, which says what to do where that is known. */
export function plain(error: unknown, host: string): RpcError {
  if (RpcError.is(error)) return error;
  const details = detailsOf(error);
  const hint = HINTS.find(([pattern]) => pattern.test(details))?.[1];
  const refused = !isElsewhere(error) && codeOf(error) !== undefined;
  return new RpcError(
    refused ? "FAILED_PRECONDITION" : "UNAVAILABLE",
    `etcd ${host}: ${details}${hint === undefined ? "" : ` (${hint})`}`,
    {
      cause: error,
    },
  );
}
