import type { Connection, DialOptions, Listener, Transport } from "@skein/core";
import { frameNames } from "./frame-names.ts";
import type { Machine } from "./machine.ts";
import { Pipe, type Road } from "./pipe.ts";
import { createRandom, type Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { type Cable, SimConnection } from "./sim-connection.ts";
import type { Trace } from "./trace.ts";

export interface NetworkOptions {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  /** Least and most that a segment travels, ms. */
  readonly delayMs: readonly [number, number];
  /** That a segment is lost, and sent again by the kernel. */
  readonly dropChance: number;
}

/** A connection, and what became of it. Times of the world. */
export interface Link {
  readonly id: number;
  readonly caller: SimConnection;
  readonly server: SimConnection;
  /** The caller has been given its end: that it is connected has come back to it. */
  known: boolean;
  /** When the caller read the first answer. */
  readyAt: number;
  /** When an end was closed or went with its process. */
  closedAt: number;
  /** When the caller knew of it. */
  leftAt: number;
}

interface Listening {
  readonly machine: Machine;
  readonly accept: (connection: Connection) => void;
}

/** Hosts, the connections between them, and what can go wrong with both. */
export class Network implements Cable {
  readonly links: Link[] = [];
  readonly #o: NetworkOptions;
  readonly #random: Random;
  readonly #hosts = new Map<string, Listening>();
  /** Processes that went without a word: their kernels do not answer either. */
  readonly #dark = new Set<string>();
  /** How many partitions stand between two hosts: `from>to`. */
  readonly #cuts = new Map<string, number>();
  readonly #held = new Map<string, (() => void)[]>();
  readonly #linkOf = new Map<SimConnection, Link>();

  constructor(options: NetworkOptions) {
    this.#o = options;
    this.#random = createRandom(options.seed, "network");
  }

  // ---- ways

  cut(from: string, to: string): void {
    this.#cuts.set(`${from}>${to}`, (this.#cuts.get(`${from}>${to}`) ?? 0) + 1);
  }
  heal(from: string, to: string): void {
    const way = `${from}>${to}`;
    const left = (this.#cuts.get(way) ?? 0) - 1;
    if (left > 0) return void this.#cuts.set(way, left);
    this.#cuts.delete(way);
    const held = this.#held.get(way) ?? [];
    this.#held.delete(way);
    for (const passes of held) passes();
  }
  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }
  /** `passes` is called once `from` reaches `to` again. */
  whenHealed(from: string, to: string, passes: () => void): void {
    const way = `${from}>${to}`;
    const held = this.#held.get(way);
    if (held === undefined) this.#held.set(way, [passes]);
    else held.push(passes);
  }
  /** Delays are mostly short, seldom long. */
  travelMs(random: Random): number {
    const [least, most] = this.#o.delayMs;
    return least + (most - least) * random.next() ** 3;
  }

  /** A packet without a connection: `arrives` after one way, or never where it is cut by then. @param random of the sender @param moreMs besides */
  send(random: Random, from: string, to: string, arrives: () => void, moreMs = 0): void {
    const { scheduler } = this.#o;
    scheduler.at(scheduler.now + this.travelMs(random) + moreMs, () => {
      if (!this.isCut(from, to)) arrives();
    });
  }

  #pipe(from: SimConnection, to: SimConnection, label: string): Pipe {
    const { seed, scheduler, dropChance } = this.#o;
    const random = createRandom(seed, `pipe ${label}`);
    const [a, b] = [from.machine.host, to.machine.host];
    const road: Road = {
      scheduler,
      travelMs: () => this.travelMs(random),
      closed: (passes) => {
        if (!this.isCut(a, b)) return false;
        this.whenHealed(a, b, passes);
        return true;
      },
    };
    return new Pipe(road, random, dropChance, (segment) => {
      if (to.machine.state !== "gone") to.arrived(segment);
      else if (!this.#isDark(to.machine)) to.out.reset();
    });
  }

  /** It went without a word, and nothing new runs at its address that would answer for it. */
  #isDark(machine: Machine): boolean {
    const now = this.#hosts.get(machine.host)?.machine;
    return this.#dark.has(machine.name) && (now === undefined || now === machine);
  }

  // ---- what sessions see

  transport(machine: Machine): Transport {
    return {
      scheme: "sim",
      dial: (address, options) => this.#dial(machine, address, options),
      listen: async (address, accept): Promise<Listener> => {
        const listening = { machine, accept };
        this.#hosts.set(machine.host, listening);
        return {
          address: address === "sim:" ? `sim://${machine.host}` : address,
          close: async () => {
            if (this.#hosts.get(machine.host) === listening) this.#hosts.delete(machine.host);
          },
        };
      },
    };
  }

  #dial(machine: Machine, address: string, { timeoutMs, signal }: DialOptions): Promise<Connection> {
    const host = address.replace(/^sim:\/\//, "");
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (): boolean => {
        if (over) return false;
        over = true;
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        return true;
      };
      const fail = (why: string): void => {
        if (end()) reject(new Error(`connect ${why} ${address}`));
      };
      const abort = (): void => fail("was given up:");
      const timer = machine.runtime.clock.setTimer(timeoutMs, () => fail("ETIMEDOUT"));
      signal?.addEventListener("abort", abort);
      this.#knock(machine, host, {
        refused: () => fail("ECONNREFUSED"),
        connected: (connection) => {
          if (end()) resolve(connection);
          else connection.destroy();
        },
      });
    });
  }

  /** There and back. Nobody answers where a way is cut, or the power is gone. */
  #knock(
    machine: Machine,
    host: string,
    caller: { refused(): void; connected(connection: SimConnection): void },
  ): void {
    this.send(this.#random, machine.host, host, () => {
      const found = this.#hosts.get(host);
      const lives = found !== undefined && found.machine.state !== "gone";
      if (found !== undefined && !lives && this.#isDark(found.machine)) return;
      const link = lives ? this.#connect(machine, found) : undefined;
      this.send(this.#random, host, machine.host, () =>
        machine.enter(() => {
          if (link === undefined) return caller.refused();
          link.known = true;
          caller.connected(link.caller);
        }),
      );
    });
  }

  /** Made by the kernels: the server's process may be paused. */
  #connect(machine: Machine, { machine: server, accept }: Listening): Link {
    const id = this.links.length + 1;
    const dialled = new SimConnection(machine, `sim://${server.host}`, this);
    const accepted = new SimConnection(server, `sim://${machine.host}:${id}`, this);
    dialled.peer = accepted;
    accepted.peer = dialled;
    dialled.out = this.#pipe(dialled, accepted, `${id} out`);
    accepted.out = this.#pipe(accepted, dialled, `${id} back`);
    const never = Number.POSITIVE_INFINITY;
    const link: Link = {
      id,
      caller: dialled,
      server: accepted,
      known: false,
      readyAt: never,
      closedAt: never,
      leftAt: never,
    };
    this.links.push(link);
    this.#linkOf.set(dialled, link);
    this.#linkOf.set(accepted, link);
    this.#o.trace.add(machine.name, `connects to ${server.name} #${id}`);
    server.enter(() => accept(accepted));
    return link;
  }

  // ---- what connections tell

  sent(from: SimConnection, bytes: Uint8Array): void {
    const { id } = this.#linkOf.get(from) as Link;
    this.#o.trace.add(from.machine.name, `> ${from.peer.machine.name} #${id} ${frameNames(bytes)}`);
  }
  received(by: SimConnection, bytes: number): void {
    const link = this.#linkOf.get(by) as Link;
    if (by === link.caller && link.readyAt === Number.POSITIVE_INFINITY) link.readyAt = this.#o.scheduler.now;
    this.#o.trace.add(by.machine.name, `< ${by.peer.machine.name} #${link.id} ${bytes} bytes`);
  }
  closed(end: SimConnection, why: string): void {
    const link = this.#linkOf.get(end) as Link;
    link.closedAt = Math.min(link.closedAt, this.#o.scheduler.now);
    if (end === link.caller) link.leftAt = this.#o.scheduler.now;
    this.#o.trace.add(end.machine.name, `x ${end.peer.machine.name} #${link.id} ${why}`);
  }

  // ---- faults

  /** Connections that both ends believe in. */
  get alive(): readonly Link[] {
    return this.links.filter((link) => link.closedAt === Number.POSITIVE_INFINITY);
  }
  /** Ends that were not closed, of processes that still run. */
  get open(): readonly string[] {
    return this.links.flatMap(({ id, known, caller, server }) =>
      [...(known ? [caller] : []), server]
        .filter(isOpen)
        .map((end) => `${end.machine.name} still has connection #${id}`),
    );
  }

  /** Both ends are told, what is under way is lost. */
  reset(link: Link): void {
    link.closedAt = Math.min(link.closedAt, this.#o.scheduler.now);
    link.caller.arrived({ kind: "reset" });
    link.server.arrived({ kind: "reset" });
  }
  /** Nothing arrives on it any more, one way or both, and nobody is told. */
  silence(link: Link, ways: "both" | "to-server" | "to-caller"): void {
    if (ways !== "to-caller") link.caller.out.silent = true;
    if (ways !== "to-server") link.server.out.silent = true;
  }

  /** The machine vanishes: its kernel tells its peers, or (`dark`: the power is gone) nobody does. */
  vanish(machine: Machine, dark: boolean): void {
    machine.vanish();
    if (dark) this.#dark.add(machine.name);
    else if (this.#hosts.get(machine.host)?.machine === machine) this.#hosts.delete(machine.host);
    for (const link of this.links) {
      const end = [link.caller, link.server].find((e) => e.machine === machine && !e.over);
      if (end === undefined) continue;
      link.closedAt = Math.min(link.closedAt, this.#o.scheduler.now);
      if (dark) continue;
      if (this.#random.chance(0.5)) end.out.send({ kind: "end" });
      else end.out.reset();
    }
  }
}

function isOpen(end: SimConnection): boolean {
  return !end.over && end.machine.state !== "gone";
}
