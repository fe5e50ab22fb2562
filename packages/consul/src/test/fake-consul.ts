/**
 * A FAKE of a Consul agent, for tests: real HTTP, no Consul. It follows the documented HTTP API and the source of Consul 1.21 in what our backend uses:
 * - PUT /v1/agent/service/register and deregister, PUT /v1/agent/check/pass, warn and fail, GET /v1/agent/services, GET /v1/catalog/services,
 *   GET /v1/health/service/:name (passing, filter, index, wait), GET /v1/status/leader;
 * - checks: critical at first unless Status says otherwise; a TTL that ends makes them critical; a registration again keeps their state; the reaper, every
 *   30 s, takes what has been critical for DeregisterCriticalServiceAfter, at least 60 s;
 * - the agent's own state and the catalog are two things: changes go from one to the other a little later;
 * - blocking queries: held until the service's index is higher, for wait (10 min at the most) and up to a sixteenth more; an index that never was is held
 *   just so; X-Consul-Index is never 0; a service that is gone has the index at which the last one went;
 * - limits of Meta, weights and durations; tokens; results left out by ACLs with their header.
 * It is stricter than Consul where that finds faults of ours: fields and parameters it does not know are 400.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { nodeRuntime } from "@skein/conformance/node";
import type { Clock } from "@skein/core";
import { FakeRefusal, fakeService, goDuration } from "./fake-registration.ts";
import { type Catalogued, FakeState } from "./fake-state.ts";

const DATACENTER = "dc1";
const MOST_WAIT_MS = 600_000;
const PARAMS = ["dc", "index", "wait", "filter", "passing", "note"];

/** What goes wrong with a request: an answer of this status, HTML, no answer at all, a cut connection. */
export type FakeFault = { readonly status: number; readonly body: string } | "garbage" | "stuck" | "cut";

export interface FakeToken {
  readonly write: boolean;
  readonly read: boolean;
}

export interface FakeRequest {
  /** Monotonic ms. */
  readonly at: number;
  readonly method: string;
  /** With its query, escaped. */
  readonly path: string;
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export class FakeConsul {
  readonly requests: FakeRequest[] = [];
  fault: (method: string, path: string) => FakeFault | undefined = () => undefined;
  /** Undefined: ACLs are off. */
  tokens: ReadonlyMap<string, FakeToken> | undefined;
  leader = "127.0.0.1:8300";
  /** Blocking queries that wait. */
  held = 0;
  readonly #clock: Clock;
  readonly #syncMs: number;
  readonly #sockets = new Set<Socket>();
  #state: FakeState;
  #server: Server | undefined;
  #port = 0;

  /** @param options.syncMs from the agent to the catalog */
  constructor(options: { readonly clock?: Clock; readonly syncMs?: number } = {}) {
    this.#clock = options.clock ?? nodeRuntime.clock;
    this.#syncMs = options.syncMs ?? 5;
    this.#state = this.#newState(1000);
  }

  #newState(index: number): FakeState {
    return new FakeState(this.#clock, { syncMs: this.#syncMs, index });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }
  get state(): FakeState {
    return this.#state;
  }

  /** Listens, at the port of before when there was one. */
  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Cuts all connections and listens no more; what it holds stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Holds nothing any more, and counts from the beginning. */
  wipe(index = 10): void {
    this.#state.end();
    this.#state = this.#newState(index);
  }

  async close(): Promise<void> {
    await this.stop();
    this.#state.end();
  }

  /** The most requests in any second. What a stall of this machine holds up comes together with the next batch: one batch of 5 more. */
  get mostASecond(): number {
    const times = this.requests.map(({ at }) => at);
    return Math.max(0, ...times.map((from) => times.filter((t) => t >= from && t < from + 1000).length));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    this.requests.push({ at: this.#clock.fresh(), method, path: url });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const fault = this.fault(method, url);
    if (fault === "stuck") return;
    if (fault === "cut") return void request.socket.destroy();
    if (fault === "garbage") return void response.end("<html>It works!</html>");
    if (fault !== undefined) return void response.writeHead(fault.status).end(fault.body);
    const answer = (await this.#answer(request, Buffer.concat(chunks).toString()).catch(refusal)) as Answer;
    if (typeof answer.body === "string" && answer.status !== undefined && answer.status !== 200)
      return void response.writeHead(answer.status, { "content-type": "text/plain" }).end(answer.body);
    const headers = { "content-type": "application/json", ...answer.headers };
    response.writeHead(answer.status ?? 200, headers);
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }

  async #answer(request: IncomingMessage, body: string): Promise<Answer> {
    const url = new URL(request.url as string, "http://fake");
    for (const name of url.searchParams.keys())
      if (!PARAMS.includes(name)) throw new FakeRefusal(`unknown parameter ${name}`);
    const path = decodeURIComponent(url.pathname).replace(/^\/v1\//, "");
    const asked = `${request.method} ${path}`;
    if (asked === "GET status/leader") return { body: this.leader };
    const dc = url.searchParams.get("dc");
    if (dc !== null && dc !== DATACENTER) return { status: 500, body: "No path to datacenter" };
    const token = this.#tokenOf(request);
    if (token === undefined) return { status: 403, body: "ACL not found" };
    if (request.method === "PUT") return token.write ? this.#write(path, url, body) : DENIED;
    if (asked === "GET agent/services") return { body: this.#agentServices(token) };
    if (asked === "GET catalog/services") return this.#read(token, this.#catalogServices());
    const [, name] = /^GET health\/service\/(.+)$/.exec(asked) ?? [];
    return name === undefined
      ? { status: 404, body: "no such page" }
      : this.#health(name, url, token, request);
  }

  #tokenOf(request: IncomingMessage): FakeToken | undefined {
    if (this.tokens === undefined) return { write: true, read: true };
    const given = request.headers["x-consul-token"];
    // Without a token: the anonymous one, which may do nothing.
    return given === undefined ? { write: false, read: false } : this.tokens.get(given as string);
  }

  #write(path: string, url: URL, body: string): Answer {
    if (path === "agent/service/register") {
      this.#state.register(fakeService(parsed(body)));
      return {};
    }
    const [, id] = /^agent\/service\/deregister\/(.+)$/.exec(path) ?? [];
    if (id !== undefined)
      return this.#state.deregister(id)
        ? {}
        : {
            status: 404,
            body: `Unknown service ID "${id}". Ensure that the service ID is passed, not the service name.`,
          };
    const [, verb, check] = /^agent\/check\/(pass|warn|fail)\/(.+)$/.exec(path) ?? [];
    if (verb === undefined || check === undefined) return { status: 404, body: "no such page" };
    const status = { pass: "passing", warn: "warning", fail: "critical" }[verb] as string;
    return this.#state.update(check, status, url.searchParams.get("note") ?? "")
      ? {}
      : {
          status: 404,
          body: `Unknown check ID "${check}". Ensure that the check ID is passed, not the check name.`,
        };
  }

  #agentServices(token: FakeToken): object {
    if (!token.read) return {};
    return Object.fromEntries(
      this.#state.ids.map((id) => [id, { ID: id, Service: this.#state.local(id)?.name }]),
    );
  }

  #catalogServices(): object {
    const tags = new Map<string, readonly string[]>([["consul", []]]);
    for (const { service } of this.#state.catalogued)
      tags.set(service.name, [...new Set([...(tags.get(service.name) ?? []), ...service.tags])]);
    return Object.fromEntries(tags);
  }

  #read(token: FakeToken, body: object, index = this.#state.index): Answer {
    const headers = { "x-consul-index": String(Math.max(1, index)), "x-consul-knownleader": "true" };
    if (token.read) return { body, headers };
    const empty = Array.isArray(body) ? [] : {};
    return { body: empty, headers: { ...headers, "x-consul-results-filtered-by-acls": "true" } };
  }

  async #health(name: string, url: URL, token: FakeToken, request: IncomingMessage): Promise<Answer> {
    const index = Number(url.searchParams.get("index") ?? 0);
    if (!Number.isSafeInteger(index) || index < 0) throw new FakeRefusal("Invalid index");
    const wait = url.searchParams.get("wait");
    const waitMs = Math.min(MOST_WAIT_MS, wait === null ? 300_000 : goDuration(wait, "wait"));
    if (index > 0) await this.#held(name, index, waitMs, request);
    const state = this.#state;
    const found = filtered(
      state.catalogued.filter(({ service }) => service.name === name),
      url.searchParams,
    );
    return this.#read(token, found.map(entryOf), state.indexOf(name));
  }

  async #held(name: string, index: number, waitMs: number, request: IncomingMessage): Promise<void> {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    const timer = this.#clock.setTimer(waitMs + (Math.random() * waitMs) / 16, stop);
    request.socket.once("close", stop);
    this.held++;
    await this.#state.after(name, index, abort.signal);
    this.held--;
    timer.cancel();
    request.socket.off("close", stop);
  }
}

const DENIED: Answer = {
  status: 403,
  body: "Permission denied: token with AccessorID 'a' lacks permission 'service:write' on \"user\"",
};

function refusal(error: unknown): Answer {
  return error instanceof FakeRefusal
    ? { status: 400, body: error.message }
    : { status: 500, body: String(error) };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new FakeRefusal("Request decode failed");
  }
}

function filtered(all: readonly Catalogued[], params: URLSearchParams): readonly Catalogued[] {
  const passing = params.has("passing") ? all.filter((c) => (c.status ?? "passing") === "passing") : all;
  const filter = params.get("filter");
  if (filter === null) return passing;
  const [, pattern] = /^Service\.ID matches "([^"]*)"$/.exec(filter) ?? [];
  if (pattern === undefined)
    throw new FakeRefusal(`Failed to create boolean expression evaluator: ${filter}`);
  const matching = new RegExp(pattern);
  return passing.filter(({ service }) => matching.test(service.id));
}

function entryOf({ service, status, output }: Catalogued): object {
  const { id, name, address, port, tags, meta, weights } = service;
  const node = { Node: "fake", CheckID: "serfHealth", Name: "Serf Health Status", Status: "passing" };
  const own = {
    Node: "fake",
    CheckID: `service:${id}`,
    Name: `Service '${name}' check`,
    Status: status,
    Output: output,
    ServiceID: id,
    ServiceName: name,
    ServiceTags: tags,
  };
  return {
    Node: { Node: "fake", Address: "127.0.0.1", Datacenter: DATACENTER, Meta: {} },
    Service: {
      ID: id,
      Service: name,
      Tags: tags,
      Address: address,
      Meta: meta,
      Port: port,
      Weights: weights,
    },
    Checks: status === undefined ? [node] : [node, own],
  };
}
