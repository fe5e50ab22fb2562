import type { EndpointInfo } from "../endpoint.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { AssumedEndpoints } from "../foreign/assumed-endpoints.ts";
import type { Clock, Runtime, Timer } from "../runtime.ts";
import type { Candidate, Pick, Picker, Selector } from "../selector.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import type { RemoteEndpoint } from "../session/outgoing-call.ts";
import { callError } from "./call-errors.ts";
import { notIterable } from "./call-object.ts";
import type { CallRoad, ClientCall } from "./client-call.ts";
import { Hedge } from "./hedge.ts";
import { Hedging } from "./hedging.ts";
import { Method } from "./method.ts";
import { suggestion } from "./near.ts";
import type { Node } from "./node.ts";
import type { ResolvedPolicy } from "./resolve-policy.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { payRetry, type RetryKind, retryKind } from "./retry-policy.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Instances that one call makes the client connect to when none is connected. */
const MOST_LOOKS = 8;

export interface TargetHost {
  readonly runtime: Runtime;
  readonly service: string;
  readonly policy: ResolvedPolicy;
  readonly budget: RetryBudget;
  /** Of methods that no instance tells of: a protocol's that is not ours. */
  readonly assume: ((method: string) => EndpointInfo) | undefined;
  /** Of a method that no instance tells of, where one is connected that does not tell of any. */
  assumed(method: string): EndpointInfo | undefined;
  /** Why a call has no instance to go to; undefined: that is not known yet, wait() is called again once it is. */
  absence(target: Target, call: ClientCall): RpcError | undefined;
}

/** The instances of a service whose version fits: picks among them, and holds the calls that none of them can take yet. */
export class Target implements CallRoad {
  readonly clock: Clock;
  /** As the user wrote it; undefined: any version. */
  readonly version: string | undefined;
  readonly fits: (version: string) => boolean;
  readonly methods = new Map<string, Method>();
  /** Of the last update. */
  candidates: readonly Node[] = [];
  /** Of the candidates each was on its way, and none there yet. */
  #coming = false;
  /** An instance has told what it offers. */
  #known = false;
  readonly #host: TargetHost;
  readonly #selector: Selector<Candidate>;
  readonly #room: WaitingRoom;
  /** Calls between two tries. */
  readonly #sleeping = new Map<ClientCall, Timer>();
  #picker: Picker<Candidate>;

  constructor(
    host: TargetHost,
    version: string | undefined,
    fits: (version: string) => boolean,
    selector: Selector<Candidate>,
  ) {
    this.#host = host;
    this.clock = host.runtime.clock;
    this.version = version;
    this.fits = fits;
    this.#selector = selector;
    this.#room = new WaitingRoom(host.runtime);
    this.#picker = selector.update([]);
  }

  method(name: string): Method {
    let method = this.methods.get(name);
    if (method === undefined) {
      method = new Method(this.#host.service, name, this.#host.policy.method(name));
      method.refuseIteration = notIterable(method);
      const assumed = this.#host.assume?.(name);
      if (assumed !== undefined) this.#learn(method, assumed);
      this.methods.set(name, method);
    }
    return method;
  }

  /** An instance that fits has said what it offers. */
  learn(endpoints: ReadonlyMap<string, RemoteEndpoint>): void {
    this.#known = true;
    // What others have told, or will, is better than what is assumed.
    if (endpoints instanceof AssumedEndpoints) return;
    for (const endpoint of endpoints.values()) this.#learn(this.method(endpoint.name), endpoint);
  }

  #learn(method: Method, endpoint: EndpointInfo): void {
    method.learn(endpoint);
    if (method.policy.hedge !== undefined && !method.streaming)
      method.hedging ??= new Hedging(this.#host.runtime, method.policy.hedge);
  }

  /** The set or a state has changed. */
  update(nodes: Iterable<Node>): void {
    const fitting: Node[] = [];
    for (const node of nodes) if (node.usable && this.fits(node.instance.version)) fitting.push(node);
    const coming = fitting.length > 0 && fitting.every(({ state }) => state === "connecting");
    // While a broker is away they are dialled over and over: hundreds of calls that wait would look again each time, in vain.
    const same = coming && this.#coming && isSame(fitting, this.candidates);
    this.#coming = coming;
    this.candidates = fitting;
    this.#picker = this.#selector.update(fitting);
    if (!same) this.#room.wake();
  }

  // ---- the road of a call

  start(call: ClientCall): void {
    this.#host.budget.deposit(call.now);
    this.send(call);
  }

  send(call: ClientCall): void {
    const pick = this.#picker.pick(call);
    if (pick === undefined) return this.wait(call);
    const { session } = pick.candidate as Node;
    const endpoint = session?.endpoints.get(call.method);
    if (endpoint === undefined || endpoint.kind !== call.target.info?.kind) return this.#look(call, pick);
    call.begin(pick, session as ClientSession, endpoint);
  }

  /** The one picked is not connected, or lacks the method: others are asked for, and it is connected meanwhile. */
  #look(call: ClientCall, first: Pick<Candidate>): void {
    const tried = call.exclude;
    const looked = new Set(tried);
    let coming = false;
    let lacking = false;
    let pick: Pick<Candidate> | undefined = first;
    for (let looks = 0; pick !== undefined && looks < MOST_LOOKS; looks++) {
      const node = pick.candidate as Node;
      const endpoint = node.session?.endpoints.get(call.method);
      if (endpoint !== undefined && endpoint.kind === call.target.info?.kind) {
        call.exclude = tried;
        return call.begin(pick, node.session as ClientSession, endpoint);
      }
      pick.done(call.now, call.now, undefined, 0);
      lacking ||= node.session !== undefined;
      node.connect();
      coming ||= node.state === "connecting";
      looked.add(node.instance.id);
      call.exclude = looked;
      pick = this.#picker.pick(call);
    }
    call.exclude = tried;
    if (coming || this.#connectOther(looked)) this.#room.add(call);
    else if (lacking) call.end(call.lastError ?? this.#unimplemented(call.target));
    else this.wait(call);
  }

  /** No connected instance can take it now. */
  wait(call: ClientCall): void {
    if (this.#connectOther(call.exclude)) return this.#room.add(call);
    if (call.lastError !== undefined && !(call.waitForReady && !call.mayHaveRun))
      return call.end(call.lastError);
    const error = this.#host.absence(this, call);
    if (error !== undefined) return call.end(error);
    call.exclude = undefined;
    this.#room.add(call);
  }

  /** True: a connection is on its way to one that has not failed the call. */
  #connectOther(exclude: ReadonlySet<string> | undefined): boolean {
    let coming = 0;
    for (const node of this.candidates) {
      if (coming >= MOST_LOOKS) break;
      if (exclude?.has(node.instance.id) === true || !node.usable) continue;
      if (node.state === "idle") node.connect();
      if (node.state === "connecting") coming++;
    }
    return coming > 0;
  }

  /** A call whose method is not known (yet). */
  park(call: ClientCall): void {
    if (call.target.info !== undefined) return call.parked?.proceed();
    if (!this.#known || this.candidates.some((node) => node.state === "connecting")) return this.wait(call);
    const assumed = this.#host.assumed(call.method);
    if (assumed === undefined) return call.end(this.#unimplemented(call.target));
    this.#learn(call.target, assumed);
    call.parked?.proceed();
  }

  #unimplemented(method: Method): RpcError {
    const offered = [...this.methods.values()].filter((m) => m.info !== undefined).map((m) => m.name);
    return callError(
      "UNIMPLEMENTED",
      `${method.service} has no method ${method.name}${suggestion(method.name, offered)}`,
      method,
    );
  }

  resume(call: ClientCall): void {
    if (call.parked !== undefined) return this.park(call);
    call.now = this.clock.monotonic();
    this.send(call);
  }

  whyWaiting(call: ClientCall): string {
    const waited = Math.round(call.expiresAt - call.began);
    const { length } = this.candidates;
    const cutOff = this.candidates.find((node) => node.cutOff !== undefined)?.cutOff;
    const none = length === 0 ? "no instance was there" : `none of ${length} instances was connected`;
    const why = cutOff === undefined ? none : `${none}: ${cutOff.message}`;
    return `${call.service}.${call.method} waited ${waited} ms: ${why}`;
  }

  forget(call: ClientCall): void {
    this.#room.remove(call);
    this.#sleeping.get(call)?.cancel();
    this.#sleeping.delete(call);
  }

  // ---- retries

  retry(call: ClientCall, error: RpcError, now: number): boolean {
    const kind = this.#retryKind(call, error, now);
    if (kind === "none") return false;
    if (!this.#otherThan(call.exclude)) return false;
    if (kind === "later") {
      call.items?.connect(call);
      // Its instance is still picked until this tick ends.
      this.#room.add(call);
      return true;
    }
    let delay = 0;
    if (kind === "paid") {
      const paid = payRetry(
        call,
        error,
        now,
        call.target.policy.retry,
        this.#host.budget,
        this.#host.runtime.random,
      );
      if (paid === undefined) return false;
      delay = paid;
      call.attempt = 1;
    }
    call.items?.connect(call);
    if (delay > 0) this.#sleep(call, delay);
    else this.resume(call);
    return true;
  }

  #retryKind(call: ClientCall, error: RpcError, now: number): RetryKind {
    return call.retries ? retryKind(call, error, now, call.target.policy.retry.maxTries) : "none";
  }

  /** An instance is there that has not failed the call. */
  #otherThan(exclude: ReadonlySet<string> | undefined): boolean {
    return this.candidates.some((n) => n.state !== "draining" && exclude?.has(n.instance.id) !== true);
  }

  #sleep(call: ClientCall, ms: number): void {
    const timer = this.clock.setTimer(ms, () => {
      this.#sleeping.delete(call);
      this.resume(call);
    });
    this.#sleeping.set(call, timer);
  }

  /** No answer yet: a second try, if there is an instance that is ready for it, and budget. */
  hedge(call: ClientCall, now: number): boolean {
    const { budget } = this.#host;
    const here = call.pick?.candidate.instance.id;
    if (here === undefined || call.streaming || call.attempt > 0 || now >= call.expiresAt) return false;
    if (budget.available(now) < 1) return false;
    const hedge = new Hedge(call, new Set(call.exclude).add(here), now);
    const pick = this.#picker.pick(hedge);
    if (pick === undefined) return false;
    const { state, session } = pick.candidate as Node;
    const endpoint = session?.endpoints.get(call.method);
    if (state !== "ready" || endpoint === undefined || endpoint.kind !== "unary") {
      pick.done(now, now, undefined, 0);
      return false;
    }
    budget.withdraw(now);
    call.hedge = hedge;
    hedge.begin(pick, session as ClientSession, endpoint);
    return true;
  }

  /** An instance is suspected: what may be executed twice is tried elsewhere, while the connection is kept. */
  rescue(call: ClientCall): void {
    const silent = new RpcError("UNAVAILABLE", "the instance does not answer", { executed: "maybe" });
    const now = this.clock.monotonic();
    const here = call.pick?.candidate.instance.id ?? "";
    const exclude = new Set(call.exclude).add(here);
    if (this.#retryKind(call, silent, now) === "none" || !this.#otherThan(exclude)) return;
    if (!this.#host.budget.affords(now, here)) return;
    call.withdraw(silent);
  }

  /** An instance is suspected, and the call waits there for its turn, never sent: another instance may have it for nothing. */
  move(call: ClientCall): void {
    const unsent = new RpcError("UNAVAILABLE", "the instance does not answer", {
      executed: "no",
      retry: "elsewhere",
    });
    if (this.#retryKind(call, unsent, this.clock.monotonic()) === "none") return;
    const here = call.pick?.candidate.instance.id;
    const better = (n: Node): boolean =>
      n.state !== "draining" && n.state !== "suspect" && n.instance.id !== here;
    if (this.candidates.some((n) => better(n) && call.exclude?.has(n.instance.id) !== true))
      call.withdraw(unsent);
  }

  /** Everybody who waits gets the error. */
  close(error: (call: ClientCall) => RpcError): void {
    this.candidates = [];
    this.#picker = this.#selector.update([]);
    for (const { hedging } of this.methods.values()) hedging?.close();
    for (const call of [...this.#sleeping.keys()]) call.cancel(error(call));
    this.#room.wake();
  }
}

function isSame(some: readonly Node[], others: readonly Node[]): boolean {
  return some.length === others.length && some.every((node, i) => node === others[i]);
}
