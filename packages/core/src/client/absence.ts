import type { Directory } from "../directory/directory.ts";
import type { RpcError } from "../errors/rpc-error.ts";
import type { Clock, Timer } from "../runtime.ts";
import { callError } from "./call-errors.ts";
import type { ClientCall } from "./client-call.ts";
import { suggestion } from "./near.ts";
import { type Node, unreachable } from "./node.ts";

/** The registry has so long to say what there is. */
const FIRST_VIEW_MS = 1000;
/** How long the names of other services are believed. */
const NAMES_MS = 1000;

export interface AbsenceOptions {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly service: string;
  readonly registry: string;
  readonly names: () => Promise<readonly string[]>;
  /** explain() has more to say than before. */
  readonly known: () => void;
}

/** Knows why there is no instance for a call: not heard yet, no such service, none there, none that fits, none that answers. */
export class Absence {
  readonly #o: AbsenceOptions;
  /** The registry has not answered in time. */
  #late = false;
  #timer: Timer | undefined;
  #names: { readonly names: readonly string[]; readonly at: number } | "asked" | undefined;

  constructor(options: AbsenceOptions) {
    this.#o = options;
    this.#timer = options.clock.setTimer(FIRST_VIEW_MS, () => {
      if (options.directory.known) return;
      this.#late = true;
      options.known();
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Undefined: wait, `known` will be called; or the call is one that waits for ever. */
  explain(
    target: { readonly version: string | undefined; fits(version: string): boolean },
    nodes: Iterable<Node>,
    call: ClientCall,
  ): RpcError | undefined {
    if (call.waitForReady) return undefined;
    const { service, registry, directory } = this.#o;
    const fail = (code: RpcError["code"], text: string, cause?: unknown): RpcError =>
      callError(code, `${service}.${call.method}: ${text}`, call.target, "no", cause);
    if (!directory.known)
      return this.#late
        ? fail("UNAVAILABLE", `registry ${registry} has not answered within ${FIRST_VIEW_MS} ms`)
        : undefined;
    const all = [...nodes];
    if (all.length === 0) {
      if (directory.stale && !directory.everListed)
        return fail("UNAVAILABLE", `registry ${registry} cannot be asked`);
      if (directory.everListed) return fail("UNAVAILABLE", `no instance of ${service} is there`);
      return this.#unknown((near) =>
        fail("NOT_FOUND", `service ${service} is not in registry ${registry}${near}`),
      );
    }
    return explainNodes(all, target, service, fail);
  }

  /** NOT_FOUND once the names of the others have been asked for. */
  #unknown(fail: (near: string) => RpcError): RpcError | undefined {
    const { clock, service, names, known } = this.#o;
    if (this.#names === "asked") return undefined;
    if (this.#names !== undefined && clock.monotonic() - this.#names.at < NAMES_MS)
      return fail(suggestion(service, this.#names.names));
    this.#names = "asked";
    const told = (found: readonly string[]): void => {
      this.#names = { names: found, at: clock.monotonic() };
      known();
    };
    names().then(told, () => told([]));
    return undefined;
  }
}

function explainNodes(
  all: readonly Node[],
  target: { readonly version: string | undefined; fits(version: string): boolean },
  service: string,
  fail: (code: RpcError["code"], text: string, cause?: unknown) => RpcError,
): RpcError {
  const fitting = all.filter((node) => target.fits(node.instance.version));
  if (fitting.length === 0) {
    const versions = [...new Set(all.map((node) => node.instance.version))].join(", ");
    return fail(
      "UNAVAILABLE",
      `no instance of ${service} has a version in ${target.version}: there are ${versions}`,
    );
  }
  const serving = fitting.filter((node) => node.instance.status === "serving");
  const count = `${fitting.length} ${fitting.length === 1 ? "instance" : "instances"}`;
  if (serving.length === 0) return fail("UNAVAILABLE", `none of ${count} is serving`);
  const error = serving.find((node) => node.error !== undefined)?.error;
  if (error === undefined) return fail("UNAVAILABLE", `none of ${count} takes calls: they are draining`);
  return fail(unreachable(error), `none of ${count} can be reached: ${error.message}`, error);
}
