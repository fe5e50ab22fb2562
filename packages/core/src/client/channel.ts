import { createDirectory, type Directory } from "../directory/directory.ts";
import { InOrder } from "../directory/in-order.ts";
import type { EndpointInfo } from "../endpoint.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { AssumedEndpoints } from "../foreign/assumed-endpoints.ts";
import type { Instance } from "../instance.ts";
import type { Logger, Runtime } from "../runtime.ts";
import type { SelectorFactory } from "../selector.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import { Absence } from "./absence.ts";
import { ClientCall } from "./client-call.ts";
import { type DialOptions, dialledUrl, openSession } from "./dial.ts";
import { Hedge } from "./hedge.ts";
import { Node, type NodeEvents, type NodeHost, type Opening } from "./node.ts";
import type { ResolvedPolicy } from "./resolve-policy.ts";
import { RetryBudget } from "./retry-budget.ts";
import { compileRange } from "./semver-range.ts";
import { Subset } from "./subset.ts";
import { Target, type TargetHost } from "./target.ts";

/** While calls find no instance, each is dialled again within so long, however often it has failed… */
const NEEDED_MS = 500;
/** …but of many not all at once: one in so many ms. */
const NEEDED_EACH_MS = 20;

export interface ChannelOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly service: string;
  readonly policy: ResolvedPolicy;
  readonly dial: DialOptions;
  /** Of the registry's leases, ms. */
  readonly ttlMs: number | undefined;
  /** Feeds the directory until the signal aborts. Calls nothing before it has returned. */
  readonly follow: (directory: Directory, signal: AbortSignal) => void;
  readonly selector: SelectorFactory;
  /** The client's own. */
  readonly zone: string | undefined;
  /** Names of services that there are, for messages. */
  readonly names: () => Promise<readonly string[]>;
  /** For messages. */
  readonly registry: string;
}

/** One service as a client sees it: its instances, the connections to them, and the targets that pick among them. */
export class Channel implements NodeHost, TargetHost {
  readonly runtime: Runtime;
  readonly service: string;
  readonly policy: ResolvedPolicy;
  readonly budget: RetryBudget;
  readonly nodes = new Map<string, Node>();
  readonly assume: ((method: string) => EndpointInfo) | undefined;
  readonly #o: ChannelOptions;
  readonly #targets = new Map<string | undefined, Target>();
  readonly #absence: Absence;
  readonly #directory: Directory;
  readonly #abort = new AbortController();
  /** Not listed any more, but with calls in flight. */
  readonly #leaving = new Set<Node>();
  readonly #order = new InOrder<Node>();
  /** Sets up to this size are connected to as a whole: selectors balance among what is connected. */
  readonly #whole: number;
  /** Of larger ones, these, and what is picked besides. */
  readonly #subset: Subset;
  /** Of a large set. */
  #chosen: ReadonlySet<Node> = new Set();
  /** At the directory: counts. */
  #look = 0;
  #dirty = false;
  #closed = false;
  /** Not again before, ms. */
  #hastenAt = 0;

  constructor(options: ChannelOptions) {
    this.#o = options;
    this.runtime = options.runtime;
    this.service = options.service;
    this.policy = options.policy;
    const { foreign } = options.dial;
    this.assume = foreign === undefined ? undefined : (method) => foreign.service.endpoint(method);
    this.budget = new RetryBudget(options.policy.retryBudget);
    const { service, logger, ttlMs, registry, names } = options;
    const { clock, random } = options.runtime;
    const { subset } = options.policy;
    this.#whole = subset?.above ?? Number.POSITIVE_INFINITY;
    this.#subset = new Subset(subset?.size ?? 0, random, options.zone);
    const directory = createDirectory({ service, clock, logger, ttlMs, onChange: () => this.#see() });
    this.#directory = directory;
    this.#absence = new Absence({ clock, directory, service, registry, names, known: () => this.changed() });
    options.follow(directory, this.#abort.signal);
  }

  get targets(): Iterable<Target> {
    return this.#targets.values();
  }

  /** @throws TypeError when the range cannot be read */
  target(version: string | undefined): Target {
    const found = this.#targets.get(version);
    if (found !== undefined) return found;
    const { selector, zone } = this.#o;
    const fits = version === undefined ? () => true : compileRange(version);
    const logger = this.#o.logger.child({ service: this.service });
    const { random } = this.runtime;
    const { selection } = this.policy;
    const target = new Target(this, version, fits, selector({ random, zone, logger, policy: selection }));
    this.#targets.set(version, target);
    for (const node of this.nodes.values())
      if (node.session !== undefined && fits(node.instance.version)) target.learn(node.session.endpoints);
    target.update(this.nodes.values());
    return target;
  }

  // ---- the directory

  /** Of thousands, nearly all are the same objects as before. */
  #see(): void {
    if (this.#closed) return;
    const look = ++this.#look;
    this.#order.begin();
    for (const instance of this.#directory.instances) {
      const next = this.#order.next(instance);
      const node = next === undefined || next.retired ? this.#list(instance) : next;
      node.look = look;
      this.#order.add(node);
    }
    for (const node of this.nodes.values()) if (node.look !== look) this.#unlist(node.instance.id, node);
    this.changed();
  }

  #list(instance: Instance): Node {
    const known = this.nodes.get(instance.id);
    if (known?.instance === instance) return known;
    if (known !== undefined && this.#url(known.instance) === this.#url(instance)) {
      known.update(instance);
      return known;
    }
    if (known !== undefined) this.#unlist(instance.id, known);
    const node = new Node(instance, this);
    this.nodes.set(instance.id, node);
    return node;
  }

  #unlist(id: string, node: Node): void {
    this.nodes.delete(id);
    if (node.connected) this.#leaving.add(node);
    node.retire();
  }

  #url(instance: Instance): string | undefined {
    return dialledUrl(this.#o.dial, instance);
  }

  // ---- what nodes tell

  open(instance: Instance, events: NodeEvents): Opening {
    return openSession(this.#o.dial, instance, events);
  }

  changed(): void {
    if (this.#dirty || this.#closed) return;
    this.#dirty = true;
    this.runtime.defer(() => {
      if (!this.#closed) this.#update();
    });
  }

  /** Once a tick, however much has changed. */
  #update(): void {
    this.#connectSome();
    this.#dirty = false;
    for (const target of this.#targets.values()) target.update(this.nodes.values());
    for (const { state, session } of this.nodes.values())
      if (state === "suspect" && session !== undefined) moveWaiting(session);
  }

  #connectSome(): void {
    const whole = this.nodes.size <= this.#whole;
    const chosen = whole ? new Set<Node>() : this.#subset.choose(this.nodes.values(), ({ usable }) => usable);
    for (const node of whole ? this.nodes.values() : chosen) if (node.dormant) node.connect();
    // One that has come has taken its place
    if (!whole) for (const node of this.#chosen) if (!chosen.has(node) && node.usable) node.rest();
    this.#chosen = chosen;
  }

  connected(node: Node, session: ClientSession): void {
    this.#directory.connection(node.instance.id, "up");
    for (const target of this.#targets.values())
      if (target.fits(node.instance.version)) target.learn(session.endpoints);
    this.#o.logger.debug({ ...this.#fields(node), version: session.version }, "instance connected");
  }

  disconnected(node: Node, error: RpcError, tries: number): void {
    this.#leaving.delete(node);
    if (this.#closed) return;
    this.#directory.connection(node.instance.id, "down");
    if (node.retired) return;
    const fields = { ...this.#fields(node), code: error.code, reason: error.message };
    if (node.error === undefined) this.#o.logger.warn(fields, "instance lost");
    else if (tries === 0) this.#o.logger.warn(fields, "instance cannot be reached");
    else this.#o.logger.debug({ ...fields, tries: tries + 1 }, "instance still cannot be reached");
  }

  cutOff({ instance }: Node): void {
    if (!this.#closed) this.#directory.connection(instance.id, "unknown");
  }

  assumed(method: string): EndpointInfo | undefined {
    for (const { session } of this.nodes.values())
      if (session?.endpoints instanceof AssumedEndpoints) return session.endpoints.get(method);
    return undefined;
  }

  rested({ instance }: Node): void {
    this.#directory.connection(instance.id, "unknown");
  }

  suspected(node: Node, suspected: boolean, session: ClientSession): void {
    if (!suspected) return this.#o.logger.info(this.#fields(node), "instance answers again");
    this.#o.logger.warn(this.#fields(node), "instance suspected: it does not answer");
    // First those that wait there: each sent one that is taken back makes room, and one of them would be sent.
    moveWaiting(session);
    session.each((call) => {
      if (call instanceof Hedge) call.rescue("maybe");
      else if (call instanceof ClientCall && call.road instanceof Target) call.road.rescue(call);
    });
  }

  drains(node: Node): void {
    this.#o.logger.debug(this.#fields(node), "instance is draining");
  }

  #fields({ instance }: Node): object {
    const address = this.#url(instance) ?? instance.addresses[0]?.url;
    return { service: this.service, instance: instance.id, address };
  }

  // ---- what targets ask

  absence(target: Target, call: ClientCall): RpcError | undefined {
    if (this.#closed) return closed(call);
    // The targets have not seen the newest yet: they are told before this tick ends
    if (this.#dirty) return undefined;
    const error = this.#absence.explain(target, this.nodes.values(), call);
    if (error === undefined || error.code === "UNAVAILABLE") this.#hasten();
    return error;
  }

  /** Nobody can be called: whoever comes back is to be found soon, however long it was away. */
  #hasten(): void {
    const now = this.runtime.clock.monotonic();
    if (now < this.#hastenAt) return;
    const within = Math.max(NEEDED_MS, this.nodes.size * NEEDED_EACH_MS);
    this.#hastenAt = now + within / 4;
    for (const node of this.nodes.values()) node.hasten(within);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort.abort();
    this.#directory.close();
    this.#absence.close();
    for (const node of [...this.nodes.values(), ...this.#leaving]) node.close();
    for (const target of this.#targets.values()) target.close(closed);
  }
}

function moveWaiting(session: ClientSession): void {
  session.eachWaiting((call) => {
    if (call instanceof Hedge) call.rescue("no");
    else if (call instanceof ClientCall && call.road instanceof Target) call.road.move(call);
  });
}

function closed(call: ClientCall): RpcError {
  return new RpcError("CANCELLED", `${call.service}.${call.method}: the client was closed`, {
    executed: call.mayHaveRun ? "maybe" : "no",
    service: call.service,
    method: call.method,
  });
}
