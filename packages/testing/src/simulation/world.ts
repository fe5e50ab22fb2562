import { ambient } from "skein/internal";
import { Disturbances, pair } from "./disturbances.ts";
import { type Faults, resolveFaults } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import { type Link, Network } from "./network.ts";
import type { SimulatedService, SimulationOptions } from "./options.ts";
import { Process, Serving, type Surroundings } from "./process.ts";
import { createRandom, type Random } from "./random.ts";
import { REGISTRY } from "./registry-port.ts";
import { RegistryStore } from "./registry-store.ts";
import { Scheduler } from "./scheduler.ts";
import { Trace } from "./trace.ts";
import type { RegistryTrouble, World } from "./world-types.ts";

const RESTART_MS = 1000;
/** What a partition held back has come by then. */
const CATCH_UP_MS = 1000;
const SLOW_MS = 3000;
/** A server that is told to stop has by then, however long its calls run. */
const STOP_MS = 15_000;

/** Where a server process runs: the same one, started again and again. */
export interface Place {
  readonly name: string;
  readonly service: SimulatedService;
  starts: number;
  serving: Serving | undefined;
}

/** Everything there is, and what can be done to it. */
export class SimulatedWorld implements World, Surroundings {
  readonly options: SimulationOptions;
  readonly faults: Faults;
  readonly seed: number;
  readonly ttlMs: number;
  readonly scheduler = new Scheduler();
  readonly trace = new Trace(() => this.scheduler.now);
  readonly disturbances = new Disturbances();
  readonly network: Network;
  readonly store: RegistryStore;
  readonly ledger: Ledger;
  readonly clients: readonly Process[];
  readonly places: readonly Place[];
  /** All server processes there ever were. */
  readonly all: Serving[] = [];
  /** What no process may do: throw where nobody catches. */
  readonly errors: string[] = [];
  readonly #random: Random;
  #troubles = 0;
  /** When the last of the faults is over. */
  #lastsUntil = 0;

  constructor(options: SimulationOptions) {
    const { seed, ttlMs = 30_000, clients = 1 } = options;
    this.options = options;
    this.faults = resolveFaults(options.faults);
    this.seed = seed;
    this.ttlMs = ttlMs;
    const { scheduler, trace } = this;
    this.network = new Network({
      seed,
      scheduler,
      trace,
      delayMs: this.faults.delayMs,
      dropChance: this.faults.drop,
    });
    this.store = new RegistryStore(scheduler, trace);
    this.ledger = new Ledger(() => scheduler.now, trace);
    this.#random = createRandom(seed, "world");
    ambient.use();
    this.clients = Array.from({ length: clients }, (_, i) => {
      const name = `client-${i + 1}`;
      return new Process(this, name, name);
    });
    this.places = options.services.flatMap((service) =>
      Array.from({ length: service.copies ?? 1 }, (_, i) => ({
        name: `${service.name}-${i + 1}`,
        service,
        starts: 0,
        serving: undefined,
      })),
    );
  }

  readonly onError = (machine: Machine, error: unknown): void => {
    this.trace.add(machine.name, `threw where nobody catches: ${String(error)}`);
    this.errors.push(
      `${machine.name} threw where nobody catches: ${error instanceof Error ? error.stack : String(error)}`,
    );
  };

  // ---- what the body sees

  now(): number {
    return this.scheduler.now;
  }
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#later(ms, resolve));
  }
  random(): number {
    return this.#random.next();
  }
  log(text: string): void {
    this.trace.add("world", text);
  }
  async each(work: (client: Process) => Promise<void>): Promise<void> {
    await Promise.all(this.clients.map(work));
  }
  get servers(): readonly string[] {
    return this.places.map((place) => place.name);
  }

  /** Resolves once nothing that was brought about lasts any more. */
  async calm(): Promise<void> {
    while (this.#lastsUntil > this.now()) await this.sleep(this.#lastsUntil - this.now());
  }
  #lasts(ms: number): void {
    this.#lastsUntil = Math.max(this.#lastsUntil, this.now() + ms);
  }
  #later(ms: number, then: () => void): void {
    this.scheduler.at(this.scheduler.now + ms, then);
  }

  // ---- servers

  /** Resolves once it is registered. */
  start(place: Place): Promise<void> {
    place.starts++;
    const name = place.starts === 1 ? place.name : `${place.name}.${place.starts}`;
    const process = new Process(this, name, place.name);
    const serving = new Serving(this, process, place.service);
    this.trace.add(name, "starts");
    place.serving = serving;
    this.all.push(serving);
    return new Promise((resolve, reject) =>
      process.machine.post(() => {
        serving.start(place.service).then(resolve, reject);
      }),
    );
  }

  #restart(place: Place, ms: number): void {
    this.#lasts(ms);
    place.serving = undefined;
    this.#later(ms, () => {
      const { starts } = place;
      this.start(place).catch((error: unknown) => {
        // It was stopped before it was registered.
        const current = place.serving;
        if (place.starts === starts + 1 && current?.stopping === false)
          this.onError(current.process.machine, error);
      });
    });
  }

  /** Undefined while it does not run. */
  #serving(name: string): { place: Place; serving: Serving } | undefined {
    const place = this.places.find((p) => p.name === name);
    if (place === undefined)
      throw new Error(`${name} is no server here: there are ${this.servers.join(", ")}`);
    const { serving } = place;
    return serving === undefined ? undefined : { place, serving };
  }

  crash(name: string, options: { readonly silent?: boolean; readonly restartMs?: number } = {}): void {
    const found = this.#serving(name);
    if (found === undefined) return;
    const { machine } = found.serving.process;
    const silent = options.silent === true;
    this.trace.add(machine.name, silent ? "loses its power" : "is killed");
    this.disturbances.add(machine.name, "crash", this.now(), Number.POSITIVE_INFINITY);
    this.network.vanish(machine, silent);
    this.#restart(found.place, options.restartMs ?? RESTART_MS);
  }

  stop(name: string, options: { readonly restartMs?: number } = {}): void {
    const found = this.#serving(name);
    if (found === undefined || found.serving.stopping) return;
    const { place, serving } = found;
    const { machine } = serving.process;
    this.trace.add(machine.name, "is told to stop");
    this.disturbances.add(machine.name, "stop", this.now(), Number.POSITIVE_INFINITY);
    serving.stopping = true;
    this.#lasts(STOP_MS);
    machine.post(() => {
      const stopped = (): void => {
        this.trace.add(machine.name, "has stopped");
        this.network.vanish(machine, false);
        if (place.serving === serving) this.#restart(place, options.restartMs ?? RESTART_MS);
      };
      serving.stop().then(stopped, (error: unknown) => {
        this.onError(machine, error);
        stopped();
      });
    });
  }

  // ---- faults

  #machine(name: string): Machine | undefined {
    const client = this.clients.find((c) => c.name === name);
    return client?.machine ?? this.#serving(name)?.serving.process.machine;
  }

  pause(name: string, ms: number): void {
    const machine = this.#machine(name);
    if (machine?.state !== "running") return;
    this.trace.add(machine.name, `stands still for ${Math.round(ms)} ms`);
    this.disturbances.add(machine.name, "pause", this.now(), this.now() + ms + CATCH_UP_MS);
    machine.pause();
    this.#lasts(ms);
    this.#later(ms, () => this.#resume(machine));
  }
  #resume(machine: Machine): void {
    if (machine.state !== "paused") return;
    this.trace.add(machine.name, "goes on");
    machine.resume();
  }

  partition(a: string, b: string, ms: number, ways: "both" | "a-to-b" = "both"): void {
    for (const name of [a, b]) if (name !== REGISTRY) this.#machine(name);
    const { network } = this;
    this.log(`${a} ${ways === "both" ? "and" : "to"} ${b}: nothing passes for ${Math.round(ms)} ms`);
    this.disturbances.add(pair(a, b), "partition", this.now(), this.now() + ms + CATCH_UP_MS);
    network.cut(a, b);
    if (ways === "both") network.cut(b, a);
    this.#lasts(ms);
    this.#later(ms, () => {
      this.log(`${a} ${ways === "both" ? "and" : "to"} ${b}: healed`);
      network.heal(a, b);
      if (ways === "both") network.heal(b, a);
    });
  }

  reset(link: Link): void {
    this.trace.add("network", `#${link.id} is reset`);
    this.disturbances.add(link.id, "reset", this.now(), Number.POSITIVE_INFINITY);
    this.network.reset(link);
  }
  silence(link: Link, ways: "both" | "to-server" | "to-caller"): void {
    this.trace.add("network", `#${link.id} falls silent, ${ways}`);
    this.disturbances.add(link.id, "silence", this.now(), Number.POSITIVE_INFINITY);
    this.network.silence(link, ways);
  }

  troubleRegistry(trouble: RegistryTrouble, ms: number): void {
    const { store } = this;
    this.trace.add(REGISTRY, `${trouble} for ${Math.round(ms)} ms`);
    if (trouble === "down" || trouble === "failing") store.trouble = trouble;
    else if (trouble === "slow") store.slowMs = SLOW_MS;
    else store.fallBehind();
    const mine = ++this.#troubles;
    this.#lasts(ms);
    this.#later(ms, () => {
      if (mine === this.#troubles) this.#recoverRegistry();
    });
  }
  #recoverRegistry(): void {
    this.trace.add(REGISTRY, "is well again");
    this.store.recover();
  }
  wipeRegistry(): void {
    this.trace.add(REGISTRY, "loses its data");
    this.store.wipe();
  }

  /** All servers run and are registered. */
  get well(): boolean {
    return this.places.every(
      ({ serving }) => serving?.well === true && serving.process.machine.state === "running",
    );
  }
}
