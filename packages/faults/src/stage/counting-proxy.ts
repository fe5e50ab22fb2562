import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { reset } from "./reset.ts";
import type { Stage } from "./stage.ts";

/** Hands connections on, and counts them; the target may die and be another. */
export interface CountingProxy {
  readonly port: number;
  /** Port on loopback. */
  target: number;
  /** Connections so far. */
  readonly accepted: number;
}

export async function countingProxy(stage: Stage): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const proxy = {
    port: 0,
    target: 0,
    get accepted() {
      return accepted;
    },
  };
  const server = createServer((socket) => {
    accepted++;
    const other = connect(proxy.target, "127.0.0.1");
    for (const [a, b] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(a);
      a.setNoDelay(true);
      a.pipe(b);
      a.on("error", () => reset(b));
      a.on("close", () => {
        sockets.delete(a);
        reset(b);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy.port = (server.address() as { port: number }).port;
  stage.atEnd(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return proxy;
}
