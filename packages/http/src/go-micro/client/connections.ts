import { Agent, type ClientRequestArgs } from "node:http";
import { connect, type Socket } from "node:net";

/** One that ends sooner, without having been used, is not made again at once. */
const STABLE_MS = 1000;

export interface ConnectionsPort {
  readonly host: string;
  readonly port: number;
  /** At once. */
  readonly most: number;
  /** The first one is there. */
  connected(): void;
  /** None is left, and no new one could be had. */
  lost(error: Error): void;
  /** A monotonic clock's ms. */
  now(): number;
}

type Created = (error: Error | null, socket?: Socket) => void;

/**
 * The connections to one HTTP/1.1 server, kept between requests. One is always held, even while there is nothing to send: that it ends, and that no
 * other can be had, says at once that the server has gone.
 */
export class Connections {
  readonly agent: Agent;
  readonly #port: ConnectionsPort;
  readonly #sockets = new Set<Socket>();
  /** Connected, and never used. */
  #spare: Socket | undefined;
  #spareAt = 0;
  #dialling = false;
  #closedBytes = 0;
  #ended = false;

  constructor(port: ConnectionsPort) {
    this.#port = port;
    this.agent = new Agent({
      keepAlive: true,
      maxSockets: port.most,
      maxFreeSockets: port.most,
      // The others may end for want of use.
      scheduling: "lifo",
    });
    // A request has its socket once it is connected: one that fails before was never written.
    const made = this.agent as unknown as {
      createConnection(options: ClientRequestArgs, created: Created): Socket | undefined;
    };
    made.createConnection = (_, created) => this.#give(created);
    this.#dial((error) => (error === undefined ? port.connected() : port.lost(error)));
  }

  get bytesRead(): number {
    let sum = this.#closedBytes;
    for (const { bytesRead } of this.#sockets) sum += bytesRead;
    return sum;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #give(created: Created): Socket | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare?.writable === true) return spare;
    const socket = this.#connect((error) => {
      if (error === undefined) created(null, socket);
      else created(error);
    });
    return undefined;
  }

  #connect(done: (error: Error | undefined) => void): Socket {
    const { host, port } = this.#port;
    const socket = connect({ host, port, noDelay: true });
    let open = false;
    let fault: Error | undefined;
    this.#sockets.add(socket);
    socket.on("error", (error) => {
      fault ??= error;
    });
    socket.once("connect", () => {
      open = true;
      done(undefined);
    });
    socket.once("close", () => {
      this.#closedBytes += socket.bytesRead;
      this.#sockets.delete(socket);
      if (!open) done(fault ?? new Error("closed before it was open"));
      this.#gone(socket, fault);
    });
    return socket;
  }

  #gone(socket: Socket, fault: Error | undefined): void {
    const { now, lost } = this.#port;
    const brief = socket === this.#spare && now() - this.#spareAt < STABLE_MS;
    if (socket === this.#spare) this.#spare = undefined;
    if (this.#ended || this.#dialling || this.#sockets.size > 0) return;
    if (brief) return lost(fault ?? new Error("it closes connections at once"));
    this.#dial((error) => {
      if (error !== undefined && this.#sockets.size === 0) lost(error);
    });
  }

  /** To have one, while there is nothing to send. */
  #dial(done: (error: Error | undefined) => void): void {
    this.#dialling = true;
    const socket = this.#connect((error) => {
      this.#dialling = false;
      if (this.#ended) return void socket.destroy();
      if (error === undefined) {
        this.#spare = socket;
        this.#spareAt = this.#port.now();
      }
      done(error);
    });
  }
}
