import type { Code } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import { payloadStart } from "../protocol/metadata.ts";
import type { Clock } from "../runtime.ts";
import { slotOf } from "../session/slot-table.ts";
import type { AdmissionQueue } from "./admission-queue.ts";
import type { HeapGuard } from "./heap-guard.ts";
import type { Call, ServedEndpoint } from "./served-service.ts";
import type { ServerLimits } from "./server-limits.ts";
import type { ServerSession } from "./server-session.ts";

/** Which calls are let in: asked before anything of a call is decoded, as refusing has to be cheap. */
export class Admission {
  readonly #limits: ServerLimits;
  readonly #clock: Clock;
  readonly #queue: AdmissionQueue<Call>;
  readonly #heap: HeapGuard | undefined;

  constructor(limits: ServerLimits, clock: Clock, queue: AdmissionQueue<Call>, heap: HeapGuard | undefined) {
    this.#heap = heap;
    this.#limits = limits;
    this.#clock = clock;
    this.#queue = queue;
  }

  /** The endpoint, or undefined when the call was refused, which its caller has been told then. */
  endpointOf(session: ServerSession, f: wire.Frame): ServedEndpoint | undefined {
    const served = session.served as NonNullable<ServerSession["served"]>;
    const endpoint = served.endpoints[f.method];
    if (served.draining) refuse(session, f, "UNAVAILABLE", "the instance is draining", "elsewhere");
    else if (endpoint === undefined)
      refuse(session, f, "UNIMPLEMENTED", `${served.definition.name} has no method ${f.method}`);
    else if (((f.flags & wire.END) === 0) !== endpoint.takesStream)
      refuse(
        session,
        f,
        "INVALID_ARGUMENT",
        `${endpoint.name} takes ${endpoint.takesStream ? "a stream" : "one input"}`,
      );
    else if (this.#isFree(session, f) && this.#fits(session, f) && this.#admitted(session, f, endpoint))
      return endpoint;
    return undefined;
  }

  #isFree(session: ServerSession, f: wire.Frame): boolean {
    const { maxCalls } = this.#limits;
    const slot = slotOf(f.stream);
    if (slot >= maxCalls || session.running >= maxCalls) {
      const message = `more than ${maxCalls} calls in flight on a connection`;
      refuse(session, f, "RESOURCE_EXHAUSTED", message, "elsewhere");
      return false;
    }
    if (session.calls[slot] !== undefined) throw new wire.ProtocolError(`stream ${f.stream} is in use`);
    return true;
  }

  #fits(session: ServerSession, f: wire.Frame): boolean {
    const bytes = f.end - payloadStart(f);
    const { maxMessageBytes } = this.#limits;
    if (bytes <= maxMessageBytes) return true;
    refuse(session, f, "RESOURCE_EXHAUSTED", `the input has ${bytes} bytes: at most ${maxMessageBytes}`);
    return false;
  }

  #admitted(session: ServerSession, f: wire.Frame, endpoint: ServedEndpoint): boolean {
    const { rank } = endpoint;
    if (this.#heap?.full === true && rank > 0) {
      refuse(session, f, "RESOURCE_EXHAUSTED", "the server is short of memory", "elsewhere");
      return false;
    }
    const timeLeft = wire.decodeTimeLeft(f.last);
    const queue = this.#queue;
    const again = queue.refusal(rank, timeLeft);
    const other = again === undefined ? undefined : queue.displaceable(rank, timeLeft, session);
    if (again !== undefined && other === undefined) {
      session.overloaded(f.stream, again);
      return false;
    }
    if (!this.#withinLimits(session, f, endpoint, timeLeft)) return false;
    if (other !== undefined) queue.displace(rank, other);
    queue.claim(session);
    return true;
  }

  #withinLimits(session: ServerSession, f: wire.Frame, endpoint: ServedEndpoint, timeLeft: number): boolean {
    const { rank, gate } = endpoint;
    let again: number | undefined;
    let message = "";
    if (session.rate !== undefined) {
      again = session.rate.take(this.#clock.monotonic());
      if (again !== undefined)
        message = `more than ${this.#limits.maxCallsPerSecond} calls a second on a connection`;
    }
    if (again === undefined && gate !== undefined) {
      again = gate.refusal(rank, timeLeft, this.#clock.monotonic());
      if (again !== undefined) message = beyondLimits(endpoint);
    }
    if (again === undefined) return true;
    refuse(session, f, "RESOURCE_EXHAUSTED", message, again);
    return false;
  }
}

/** Names the method: others of the service may have room. */
export function beyondLimits({ name }: ServedEndpoint): string {
  return `${name} has reached its limits on this instance`;
}

/** Tells the caller that nothing was executed. */
export function refuse(
  session: ServerSession,
  f: wire.Frame,
  code: Code,
  message: string,
  retry: "none" | "elsewhere" | number = "none",
): void {
  session.error(f.stream, code, "no", retry, { message });
}
