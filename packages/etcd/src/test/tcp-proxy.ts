import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** Stands between a client and a server, and can be cut. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  #server: Server | undefined;
  port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  async open(): Promise<this> {
    const server = createServer((socket) => this.#join(socket));
    this.#server = server;
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as { port: number }).port;
    return this;
  }

  #join(socket: Socket): void {
    const other = dial(this.#target, "127.0.0.1");
    for (const [a, b] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(a);
      a.pipe(b);
      a.on("error", () => b.destroy());
      a.on("close", () => {
        this.#sockets.delete(a);
        b.destroy();
      });
    }
  }

  async cut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, "close");
  }

  async heal(): Promise<void> {
    await this.open();
  }
}
