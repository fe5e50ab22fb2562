import { createSocket, type Socket } from "node:dgram";

const GROUP = "224.0.0.251";

/** Somebody else on the network, who sees and says bytes. Loopback only. */
export class RawPeer {
  readonly heard: Buffer[] = [];
  readonly #socket: Socket;
  readonly #port: number;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("message", (message) => this.heard.push(message));
  }

  static async join(port: number): Promise<RawPeer> {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(port, "0.0.0.0", resolve));
    socket.addMembership(GROUP, "127.0.0.1");
    socket.setMulticastInterface("127.0.0.1");
    return new RawPeer(socket, port);
  }

  say(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.send(bytes, this.#port, GROUP, (error) => (error ? reject(error) : resolve())),
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
