import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** Stands between clients and a server, and can be cut and healed, at one port of loopback. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #target: { readonly host: string; readonly port: number };
  #server: Server | undefined;
  port = 0;

  /** @param target `host:port` */
  constructor(target: string) {
    const { hostname, port } = new URL(`tcp://${target}`);
    this.#target = { host: hostname, port: Number(port) };
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
    const other = dial(this.#target);
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

  /** At the port of before. */
  async heal(): Promise<void> {
    await this.open();
  }
}
