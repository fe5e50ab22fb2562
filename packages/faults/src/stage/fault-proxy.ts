import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Disturbance, Flow } from "./flow.ts";
import { reset } from "./reset.ts";
import type { Stage } from "./stage.ts";

/** `up`: from those who dial to the target. */
export type Direction = "up" | "down";
const BOTH: readonly Direction[] = ["up", "down"];

interface Pair {
  readonly up: Flow;
  readonly down: Flow;
  readonly sockets: readonly Socket[];
}

/** Hands connections on over a network that can be made worse: each direction on its own, for the connections there are and for new ones. */
export class FaultProxy {
  /** Port on loopback. */
  target = 0;
  /** Connections so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #now: Record<Direction, Disturbance> = { up: {}, down: {} };

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#join(socket));
  }

  static async start(stage: Stage, target = 0): Promise<FaultProxy> {
    const proxy = new FaultProxy();
    proxy.target = target;
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    stage.atEnd(async () => {
      proxy.#server.close();
      proxy.reset();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on; what was said before holds no more. */
  disturb(disturbance: Disturbance, directions: readonly Direction[] = BOTH): void {
    for (const direction of directions) this.#now[direction] = disturbance;
    for (const pair of this.#pairs) for (const direction of directions) pair[direction].pump();
  }

  /** What was held back arrives. */
  heal(): void {
    this.disturb({});
  }

  /** Resets the connections there are, to both sides. */
  reset(): void {
    for (const { sockets } of this.#pairs) for (const socket of sockets) reset(socket);
  }

  /** The receivers of a direction are told that nothing more comes; the senders are not told. */
  halfClose(direction: Direction): void {
    for (const pair of this.#pairs) pair[direction].shut();
  }

  #join(socket: Socket): void {
    this.accepted++;
    const other = connect({ port: this.target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair: Pair = {
      up: new Flow(socket, other, () => this.#now.up),
      down: new Flow(other, socket, () => this.#now.down),
      sockets: [socket, other],
    };
    this.#pairs.add(pair);
    for (const one of pair.sockets)
      one.once("close", () => {
        if (pair.sockets.every((s) => s.destroyed)) this.#pairs.delete(pair);
      });
  }
}

/** A proxy in front of each; and the registry that lists the proxies as service `ledger`. */
export async function behindProxies(
  stage: Stage,
  ports: readonly number[],
): Promise<{ readonly proxies: readonly FaultProxy[]; readonly registry: string }> {
  const proxies = await Promise.all(ports.map((port) => FaultProxy.start(stage, port)));
  const registry = `static://ledger=${proxies.map((p) => `127.0.0.1:${p.port}`).join(",")}`;
  return { proxies, registry };
}
