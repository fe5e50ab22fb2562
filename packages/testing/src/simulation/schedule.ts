import { createRandom, type Random } from "./random.ts";
import { REGISTRY } from "./registry-port.ts";
import type { SimulatedWorld } from "./world.ts";
import type { RegistryTrouble } from "./world-types.ts";

const SECOND_MS = 1000;
const TROUBLES: readonly RegistryTrouble[] = ["down", "failing", "slow", "stale"];
const WAYS = ["both", "to-server", "to-caller"] as const;

/** Lets faults befall the world, a second at a time, until `durationMs` have passed or it is stopped. */
export class Schedule {
  readonly #world: SimulatedWorld;
  readonly #random: Random;
  readonly #untilMs: number;
  #over = false;

  constructor(world: SimulatedWorld, durationMs: number) {
    this.#world = world;
    this.#random = createRandom(world.seed, "schedule");
    this.#untilMs = world.now() + durationMs;
  }

  async run(): Promise<void> {
    const world = this.#world;
    while (!this.#over && world.now() < this.#untilMs) {
      await world.sleep(this.#random.between(0, SECOND_MS));
      if (!this.#over) this.#second();
      await world.sleep(this.#random.between(0, SECOND_MS));
    }
  }

  /** No more faults. */
  stop(): void {
    this.#over = true;
  }

  #second(): void {
    const { faults } = this.#world;
    const random = this.#random;
    if (random.chance(faults.crash)) this.#crash(false);
    if (random.chance(faults.powerLoss)) this.#crash(true);
    if (random.chance(faults.stop)) this.#stop();
    if (random.chance(faults.pause)) this.#pause();
    if (random.chance(faults.partition)) this.#partition();
    if (random.chance(faults.reset)) this.#reset();
    if (random.chance(faults.halfOpen)) this.#silence();
    if (random.chance(faults.registry)) this.#registry();
    if (random.chance(faults.wipe)) this.#world.wipeRegistry();
  }

  /** Mostly short, seldom long. */
  #lasting(least: number, most: number): number {
    return least + (most - least) * this.#random.next() ** 2;
  }

  #crash(silent: boolean): void {
    const place = this.#random.pick(this.#world.servers);
    if (place !== undefined) this.#world.crash(place, { silent, restartMs: this.#lasting(100, 5000) });
  }
  #stop(): void {
    const place = this.#random.pick(this.#world.servers);
    if (place !== undefined) this.#world.stop(place, { restartMs: this.#lasting(100, 5000) });
  }
  #pause(): void {
    const one = this.#random.pick(this.#processes);
    if (one !== undefined) this.#world.pause(one, this.#lasting(100, 8000));
  }
  #partition(): void {
    const a = this.#random.pick(this.#processes);
    const others = [...this.#processes, REGISTRY].filter((name) => name !== a);
    const b = this.#random.pick(others);
    if (a === undefined || b === undefined) return;
    const [from, to] = this.#random.chance(0.5) ? [a, b] : [b, a];
    const ways = this.#random.chance(0.7) ? "both" : "a-to-b";
    this.#world.partition(from, to, this.#lasting(200, 8000), ways);
  }
  #reset(): void {
    const link = this.#random.pick(this.#world.network.alive);
    if (link !== undefined) this.#world.reset(link);
  }
  #silence(): void {
    const link = this.#random.pick(this.#world.network.alive);
    if (link !== undefined) this.#world.silence(link, this.#random.pick(WAYS) ?? "both");
  }
  #registry(): void {
    const trouble = this.#random.pick(TROUBLES);
    if (trouble !== undefined) this.#world.troubleRegistry(trouble, this.#lasting(500, 10_000));
  }

  get #processes(): readonly string[] {
    return [...this.#world.clients.map((client) => client.name), ...this.#world.servers];
  }
}
