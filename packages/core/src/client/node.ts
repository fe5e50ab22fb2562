import type { Kept } from "../directory/in-order.ts";
import type { RpcError } from "../errors/rpc-error.ts";
import type { Instance } from "../instance.ts";
import type { Runtime, Timer } from "../runtime.ts";
import type { Candidate, CandidateState } from "../selector.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import { fullJitter } from "./backoff.ts";
import { isNetworkDown } from "./network-down.ts";
import type { ResolvedPolicy } from "./resolve-policy.ts";

/** A connection that held so long ends a series of failures. */
const STABLE_MS = 1000;

/** What befalls a connection being opened, never before open() has returned; `closed` exactly once, as the last. */
export interface NodeEvents {
  ready(session: ClientSession): void;
  suspect(suspected: boolean): void;
  draining(): void;
  closed(error: RpcError): void;
}
/** A connection being opened, or open. */
export interface Opening {
  /** Ends it as soon as nothing is in flight. */
  retire(): void;
  /** Ends it now: what is in flight fails with CANCELLED. */
  close(): void;
}
export interface NodeHost {
  readonly runtime: Runtime;
  readonly policy: Pick<ResolvedPolicy, "connect">;
  /** Dials and says HELLO. */
  open(instance: Instance, events: NodeEvents): Opening;
  /** State, session or instance is another: pickers are to be built anew. */
  changed(): void;
  connected(node: Node, session: ClientSession): void;
  /** `tries`: failed ones in a row, 0 when a connection was lost that had held. */
  disconnected(node: Node, error: RpcError, tries: number): void;
  /** What lies between us and every instance is away: each says so, once for each try. */
  cutOff(node: Node): void;
  suspected(node: Node, suspected: boolean, session: ClientSession): void;
  drains(node: Node): void;
  /** As rest() asked for. */
  rested(node: Node): void;
}

/** An instance as a client holds it: its record, and the one connection to it. */
export class Node implements Candidate, Kept {
  state: CandidateState = "idle";
  instance: Instance;
  /** Open for calls. */
  session: ClientSession | undefined;
  /** The last connection failed or did not hold, and none has been opened since: calls do not wait for it. */
  error: RpcError | undefined;
  /** The network was down when it was tried last. */
  cutOff: RpcError | undefined;
  readonly #host: NodeHost;
  #opening: Opening | undefined;
  #tries = 0;
  #readyAt = 0;
  #timer: Timer | undefined;
  /** The timer's. */
  #dueAt = 0;
  /** It is listed no more. */
  retired = false;
  /** The channel's look at the directory that listed it last. */
  look = 0;
  place = 0;

  /** In the channel's subset. */
  rank: number | undefined;
  #resting = false;

  constructor(instance: Instance, host: NodeHost) {
    this.instance = instance;
    this.#host = host;
  }

  /** May be picked, or be waited for. */
  get usable(): boolean {
    return this.error === undefined && this.instance.status === "serving";
  }

  /** Could be connected to, and nothing is under way to that end. */
  get dormant(): boolean {
    return this.usable && this.#opening === undefined && this.#timer === undefined;
  }

  /** There is a connection, or one on its way. */
  get connected(): boolean {
    return this.#opening !== undefined;
  }

  update(instance: Instance): void {
    const before = this.instance.status;
    this.instance = instance;
    if (before !== instance.status && instance.status === "serving" && this.error !== undefined)
      this.#again();
  }

  /** Dials unless there is a connection, or one on its way. */
  connect(): void {
    if (this.state !== "connecting") this.#dial();
  }

  #dial(): void {
    if (this.retired || this.#opening !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.state = "connecting";
    this.#opening = this.#host.open(this.instance, {
      ready: (session) => this.#ready(session),
      suspect: (suspected) => this.#suspect(suspected),
      draining: () => this.#draining(),
      closed: (error) => this.#closed(error),
    });
    this.#host.changed();
  }

  #ready(session: ClientSession): void {
    if (this.retired || this.#resting) return session.drain();
    this.session = session;
    this.state = "ready";
    this.error = this.cutOff = undefined;
    this.#readyAt = this.#host.runtime.clock.monotonic();
    this.#host.connected(this, session);
    this.#host.changed();
  }

  #suspect(suspected: boolean): void {
    const { session } = this;
    if (session === undefined) return;
    this.state = suspected ? "suspect" : "ready";
    this.#host.changed();
    this.#host.suspected(this, suspected, session);
  }

  #draining(): void {
    if (this.session === undefined) return;
    this.session = undefined;
    this.state = "draining";
    this.#host.drains(this);
    this.#host.changed();
  }

  #closed(error: RpcError): void {
    this.#opening = undefined;
    if (this.#resting && !this.retired) return this.#rested();
    if (isNetworkDown(error) && !this.retired) return this.#cutOff(error);
    this.cutOff = undefined;
    const held =
      this.state !== "connecting" && this.#host.runtime.clock.monotonic() - this.#readyAt >= STABLE_MS;
    this.session = undefined;
    this.state = "idle";
    if (held) this.#tries = 0;
    else this.error = error;
    this.#host.disconnected(this, error, this.#tries);
    if (this.retired) return;
    this.#again();
    this.#host.changed();
  }

  /** Nobody can be reached, which says nothing of this one, whatever was known of it before: calls wait for it. */
  #cutOff(error: RpcError): void {
    this.session = undefined;
    this.state = this.instance.status === "serving" ? "connecting" : "idle";
    this.cutOff = error;
    this.error = undefined;
    this.#tries = 0;
    this.#host.cutOff(this);
    this.#again();
    this.#host.changed();
  }

  /** It is not wanted for now: once its calls have ended it is idle. */
  rest(): void {
    if (this.#opening === undefined || this.#resting || this.retired) return;
    this.#resting = true;
    this.session = undefined;
    this.state = "draining";
    this.#opening.retire();
    this.#host.changed();
  }

  #rested(): void {
    this.#resting = false;
    this.#tries = 0;
    this.#host.rested(this);
    this.state = "idle";
    this.#host.changed();
  }

  /** Dials again, later; not while the instance says that it does not serve. */
  #again(): void {
    if (this.#opening !== undefined || this.instance.status !== "serving") return;
    const { random } = this.#host.runtime;
    const { backoffMs, maxBackoffMs } = this.#host.policy.connect;
    this.#dialIn(fullJitter(random, backoffMs, maxBackoffMs, this.#tries++));
  }

  /** Calls find no instance at all: the next attempt comes between `ms` / 2 and `ms` from now, unless it comes sooner. */
  hasten(ms: number): void {
    const { clock, random } = this.#host.runtime;
    if (this.#timer === undefined || this.#dueAt - clock.monotonic() <= ms) return;
    this.#dialIn(ms * (0.5 + random() / 2));
  }

  #dialIn(ms: number): void {
    const { clock } = this.#host.runtime;
    this.#timer?.cancel();
    this.#dueAt = clock.monotonic() + ms;
    this.#timer = clock.setTimer(ms, () => this.#dial());
  }

  /** The instance is listed no more: what is in flight ends by itself. Idempotent. */
  retire(): void {
    if (this.#leave()) this.#opening?.retire();
  }

  /** What is in flight fails with CANCELLED. Idempotent. */
  close(): void {
    this.#leave();
    this.#opening?.close();
  }

  #leave(): boolean {
    if (this.retired) return false;
    this.retired = true;
    this.#timer?.cancel();
    this.session = undefined;
    this.state = "draining";
    return true;
  }
}

/** For calls that find an instance unreachable: its error's code where asking again will not help, else UNAVAILABLE. */
export function unreachable(error: RpcError): RpcError["code"] {
  const lasting = ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "CANCELLED"];
  return lasting.includes(error.code) ? error.code : "UNAVAILABLE";
}
