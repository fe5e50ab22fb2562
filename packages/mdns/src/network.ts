import { type Logger, RpcError, type Runtime, type Timer } from "@skein/core";
import { isLocalAddress, localAddresses } from "./interfaces.ts";
import type { Medium } from "./medium.ts";
import { type MdnsSocket, openSocket } from "./socket.ts";
import type { Message } from "./wire.ts";

/** How often interfaces that came and went are looked for, ms. */
const LOOK_MS = 5000;

export interface NetworkOptions {
  /** Addresses of interfaces; undefined: all that there are, now and later. */
  readonly interfaces: readonly string[] | undefined;
  readonly port: number;
  readonly runtime: Pick<Runtime, "clock">;
  readonly logger: Logger;
}

/** The real network: a socket on each interface. */
export class Network implements Medium {
  onMessage: (message: Message) => void = () => {};
  onNewWay: () => void = () => {};
  readonly #o: NetworkOptions;
  readonly #sockets = new Map<string, MdnsSocket>();
  #looking: Promise<void> | undefined;
  #error: unknown;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: NetworkOptions) {
    this.#o = options;
  }

  async check(): Promise<void> {
    const away = (this.#o.interfaces ?? []).find((address) => !isLocalAddress(address));
    if (away !== undefined)
      throw new RpcError(
        "INVALID_ARGUMENT",
        `mdns: interface=${away} is no address of this machine: give one of ${localAddresses().join(", ")}`,
        { executed: "no" },
      );
    await this.open();
  }

  async open(): Promise<void> {
    if (this.#sockets.size === 0) await this.#look();
    if (this.#sockets.size > 0) return;
    throw this.#error ?? new RpcError("UNAVAILABLE", "mdns: this machine has no IPv4 interface");
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
      if (this.#closed) return;
      this.#timer?.cancel();
      this.#timer = this.#o.runtime.clock.setTimer(LOOK_MS, () => void this.#look());
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    if (this.#closed) throw new Error("the registry is closed");
    const wanted = this.#o.interfaces ?? localAddresses();
    const gone = [...this.#sockets].filter(([address]) => !wanted.includes(address));
    for (const [address, socket] of gone) {
      this.#sockets.delete(address);
      await socket.close();
    }
    const known = this.#sockets.size;
    await Promise.all(wanted.map((address) => this.#add(address)));
    if (known > 0 && this.#sockets.size > known) this.onNewWay();
  }

  async #add(address: string): Promise<void> {
    if (this.#sockets.has(address)) return;
    const { port, logger } = this.#o;
    try {
      const socket = await openSocket({
        address,
        port,
        received: (message) => this.#received(message),
        warned: (error) =>
          logger.debug({ err: error, interface: address }, "mDNS: a packet or a socket is odd"),
      });
      if (this.#closed) await socket.close();
      else this.#sockets.set(address, socket);
    } catch (error) {
      this.#error = error;
      logger.debug({ err: error, interface: address }, "mDNS: this interface cannot be used");
    }
  }

  /** Nothing that anybody sends ends the process. */
  #received(message: Message): void {
    if (this.#closed) return;
    try {
      this.onMessage(message);
    } catch (error) {
      this.#o.logger.warn({ err: error }, "mDNS: a message could not be read");
    }
  }

  /** By every interface; enough if one of them works. */
  async send(message: Message): Promise<void> {
    const sent = await Promise.allSettled([...this.#sockets.values()].map((s) => s.send(message)));
    if (sent.some((s) => s.status === "fulfilled")) return;
    const cause = sent.find((s) => s.status === "rejected")?.reason;
    const because = cause instanceof Error ? cause.message : "no interface is open";
    throw new RpcError("UNAVAILABLE", `mDNS: nothing can be sent: ${because}`, { cause });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking?.catch(() => {});
    await Promise.all([...this.#sockets.values()].map((s) => s.close()));
    this.#sockets.clear();
  }
}
