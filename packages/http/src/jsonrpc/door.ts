import type { Socket } from "node:net";
import type { DoorFactory, DoorHost, DoorOf, RpcError } from "@skein/core";
import { fillNumbers, type GoNames, refuseUnknown } from "@skein/core/internal";
import { GoNameBook } from "../go-name-book.ts";
import { DEFAULT_JSONRPC_LIMITS, type JsonrpcLimits } from "./limits.ts";
import { errorText } from "./messages.ts";
import { unknownName } from "./names.ts";
import { Peer } from "./peer.ts";

export interface JsonrpcDoorOptions {
  /**
   * What is called where a Go program says `Type.Method`; undefined leaves the name to the rule: `User.GetUser` and `UserService.GetUser` are
   * `user`'s `getUser`. Asked once a name.
   */
  readonly names?: GoNames | undefined;
  /** Deadline of each call, ms: the protocol has none of its own. @default as the endpoint says, else 5000 */
  readonly timeoutMs?: number | undefined;
  /** An error in one string, which is all that this protocol carries. @default `NOT_FOUND: no user 42`, and whether it was executed */
  readonly errorText?: ((error: RpcError) => string) | undefined;
  readonly limits?: Partial<JsonrpcLimits> | undefined;
}

const OPTIONS = ["names", "timeoutMs", "errorText", "limits"];
const OPEN_BRACE = 0x7b;
const SAY_EVERY_MS = 10_000;

/**
 * JSON-RPC 1.0 as Go's net/rpc/jsonrpc speaks it, on the service's own port: `jsonrpc.Dial` and `Call("User.GetUser", …)`.
 * @throws TypeError that names an option that is wrong
 */
export function jsonrpcDoor(options: JsonrpcDoorOptions = {}): DoorFactory<Socket> {
  refuseUnknown("jsonrpcDoor", options, OPTIONS);
  const limits = fillNumbers("jsonrpcDoor: limits", DEFAULT_JSONRPC_LIMITS, options.limits);
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw new TypeError(`jsonrpcDoor: timeoutMs is ${String(timeoutMs)}: give milliseconds, more than 0`);
  for (const name of ["names", "errorText"] as const)
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw new TypeError(`jsonrpcDoor: ${name} is a ${typeof options[name]}: give a function`);
  return (host) => open(host, options, limits);
}

/** For `doors: ["jsonrpc"]`. */
export const createDoor: DoorFactory<Socket> = jsonrpcDoor();

function open(host: DoorHost, options: JsonrpcDoorOptions, limits: JsonrpcLimits): DoorOf<Socket> {
  const peers = new Set<Peer>();
  const names = new GoNameBook({
    runtime: host.runtime,
    services: () => host.services(),
    names: options.names,
    unknown: unknownName,
  });
  const say = rarely(host);
  let closing = false;
  let emptied: (() => void) | undefined;
  return {
    name: "jsonrpc",
    protocol: "jsonrpc",
    matches: (first) => (first.length === 0 ? "more" : first[0] === OPEN_BRACE ? "yes" : "no"),
    accept(socket) {
      if (closing) return void socket.destroy();
      if (peers.size >= limits.maxConnections) {
        say({ limit: limits.maxConnections }, "closing a JSON-RPC connection: there are too many");
        return void socket.destroy();
      }
      const peer = new Peer(socket, {
        host,
        names,
        limits,
        timeoutMs: options.timeoutMs,
        errorText: options.errorText ?? errorText,
        hostile: (address, why) => say({ peer: address, why }, "closing a JSON-RPC connection"),
        gone: (gone) => {
          peers.delete(gone);
          if (peers.size === 0) emptied?.();
        },
      });
      peers.add(peer);
    },
    async close(graceMs) {
      closing = true;
      if (peers.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        emptied = resolve;
      });
      for (const peer of peers) peer.retire();
      const grace = host.runtime.clock.setTimer(graceMs, () => {
        for (const peer of peers) peer.destroy();
      });
      await empty;
      grace.cancel();
    },
  };
}

/** At most a line each 10 s, saying how many there were in between: whoever connects could fill a log. */
function rarely({ logger, runtime }: DoorHost): (fields: object, message: string) => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (fields, message) => {
    const now = runtime.clock.monotonic();
    if (now - lastAt < SAY_EVERY_MS) {
      unsaid++;
      return;
    }
    lastAt = now;
    logger.warn({ ...fields, ...(unsaid > 0 && { othersSince: unsaid }) }, message);
    unsaid = 0;
  };
}
