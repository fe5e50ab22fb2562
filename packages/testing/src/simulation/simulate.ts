import { RpcError } from "@skein/core";
import { checkOptions } from "./check-options.ts";
import type { Facts } from "./needless.ts";
import type { SimulationOptions } from "./options.ts";
import { judge, type Violation } from "./rules.ts";
import { Schedule } from "./schedule.ts";
import { turn } from "./scheduler.ts";
import { SimulationError } from "./simulation-error.ts";
import { SimulatedWorld } from "./world.ts";

export interface SimulationReport {
  readonly seed: number;
  /** What happened, a line each: the same text for the same seed. */
  readonly trace: string;
  /** Calls by outcome: `OK`, or the code of the error. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Handlers that were entered for them. */
  readonly executions: number;
  /** Virtual time that passed, ms. */
  readonly durationMs: number;
}

const START_MS = 60_000;
/** The body may go on for so long after the faults. */
const BODY_MS = 120_000;
const HEAL_MS = 600_000;
/** Beyond a lease's time: until the registry shows exactly who is there, and everybody is connected again. */
const SETTLE_MS = 6000;
const CLOSE_MS = 60_000;
/** What was closed has let go of everything by then. */
const LET_GO_MS = 10_000;

/**
 * Runs services and clients in a simulated world, lets faults befall it, and checks what must hold whatever happens.
 * @throws SimulationError when a rule was broken or the body failed, with the seed, the reason and the trace
 * @throws TypeError when an option is wrong, naming it
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  checkOptions(options);
  return await new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #world: SimulatedWorld;
  readonly #violations: Violation[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#world = new SimulatedWorld(options);
  }

  async run(): Promise<SimulationReport> {
    const world = this.#world;
    let cause: unknown;
    try {
      await this.#phases();
    } catch (error) {
      cause = error;
      this.#broken("the body succeeds", text(error));
    }
    for (const { machine } of this.#processes) machine.vanish();
    const violations = [...this.#errors(), ...judge(world.ledger, this.#facts), ...this.#violations];
    if (violations.length > 0) throw new SimulationError(world, violations, cause);
    return report(world);
  }

  async #phases(): Promise<void> {
    const world = this.#world;
    const { body, durationMs = 30_000 } = this.#options;
    await this.#drive(Promise.all(world.places.map((place) => world.start(place))), START_MS, "the start");
    await this.#drive(
      this.#describeAll({ waitForReady: true, timeoutMs: START_MS / 2 }),
      START_MS,
      "the first calls",
    );
    world.log("the body begins");
    const schedule = new Schedule(world, durationMs);
    void schedule.run();
    await this.#drive(Promise.resolve(body(world)), durationMs + BODY_MS, "the body");
    world.log("the body has ended");
    schedule.stop();
    await this.#drive(world.calm(), HEAL_MS, "the end of the faults");
    await this.#settle();
    await this.#close();
  }

  /** Lets the world go on until `work` is done. */
  async #drive<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
    const { scheduler } = this.#world;
    const until = scheduler.now + limitMs;
    let over = false;
    const end = (): void => {
      over = true;
    };
    work.then(end, end);
    await turn();
    while (!over) {
      const next = scheduler.nextAt;
      if (next > until)
        throw new Error(
          `${what} has not ended after ${limitMs} ms of virtual time. Does it wait for something outside of the simulation? Real timers and I/O do not come to pass in it: use sleep()`,
        );
      await scheduler.step();
    }
    return await work;
  }

  /** Everything is as it was, once the faults are over. */
  async #settle(): Promise<void> {
    const world = this.#world;
    await this.#drive(world.sleep(world.ttlMs + SETTLE_MS), START_MS + world.ttlMs, "the world");
    if (!world.well)
      this.#broken(
        "what was down comes back",
        `${this.#unwell()} not registered ${world.ttlMs + SETTLE_MS} ms after the last fault`,
      );
    this.#checkRegistry();
    await this.#drive(this.#describeAll({ timeoutMs: 3000 }), 5000, "the last calls").catch(
      (error: unknown) => this.#broken("clients find back to their services", text(error)),
    );
  }

  #unwell(): string {
    const { places } = this.#world;
    return places
      .filter(({ serving }) => serving?.well !== true)
      .map((p) => p.name)
      .join(", ");
  }

  #checkRegistry(): void {
    const { store, places } = this.#world;
    const there = store.all.map((instance) => instance.id).sort();
    const expected = places.flatMap(({ serving }) => serving?.instances.map((i) => i.id) ?? []).sort();
    if (there.join() !== expected.join())
      this.#broken(
        "the registry has who is there",
        `it has ${there.join(", ")}; there are ${expected.join(", ")}`,
      );
  }

  /** Each client calls each service. */
  async #describeAll(options: {
    readonly waitForReady?: boolean;
    readonly timeoutMs: number;
  }): Promise<void> {
    const { clients } = this.#world;
    await Promise.all(
      clients.flatMap(({ name, client }) =>
        this.#services.map(async (service) => {
          const proxy = client.service<{ $describe(): Promise<unknown> }>(service);
          await proxy.call("$describe", undefined, options).catch((error: unknown) => {
            throw new Error(`${name} cannot call ${service}: ${text(error)}`);
          });
        }),
      ),
    );
  }

  async #close(): Promise<void> {
    const world = this.#world;
    world.log("everything is closed");
    await this.#drive(
      Promise.all(world.clients.map((client) => client.closeClient())),
      CLOSE_MS,
      "closing the clients",
    );
    const servings = world.places.flatMap(({ serving }) => serving ?? []);
    await this.#drive(
      Promise.all(servings.map((serving) => serving.stop())),
      CLOSE_MS,
      "stopping the servers",
    );
    await this.#drive(world.sleep(LET_GO_MS), 2 * LET_GO_MS, "the world");
    const left = [...world.clients, ...servings].flatMap((one) => one.leftovers());
    for (const what of [...left, ...world.network.open]) this.#broken("nothing is left behind", what);
  }

  #broken(rule: string, what: string): void {
    this.#world.log(`broken: ${rule}: ${what}`);
    this.#violations.push({ rule, text: what });
  }
  #errors(): Violation[] {
    return this.#world.errors.map((what) => ({ rule: "nothing is thrown where nobody catches", text: what }));
  }

  get #processes() {
    const { clients, all } = this.#world;
    return [...clients, ...all.map((serving) => serving.process)];
  }
  get #definitions() {
    return this.#world.all.flatMap((serving) => serving.definitions);
  }
  get #services(): readonly string[] {
    return [...new Set(this.#definitions.map((definition) => definition.name))];
  }
  get #facts(): Facts {
    const { network, disturbances, all } = this.#world;
    const definitions = this.#definitions;
    return {
      links: network.links,
      disturbances,
      hasSchema: (service, method) =>
        definitions.find(({ name }) => name === service)?.endpoints.get(method)?.output !== undefined,
      now: this.#world.now(),
      serves: (machine, service) =>
        all.some((one) => one.process.machine === machine && one.definitions.some((d) => d.name === service)),
    };
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function report(world: SimulatedWorld): SimulationReport {
  const outcomes: Record<string, number> = {};
  for (const { ended } of world.ledger.calls) {
    const code = ended?.kind !== "error" ? "OK" : RpcError.is(ended.error) ? ended.error.code : "other";
    outcomes[code] = (outcomes[code] ?? 0) + 1;
  }
  return {
    seed: world.seed,
    trace: world.trace.text,
    outcomes,
    executions: world.ledger.executions.length,
    durationMs: world.now(),
  };
}
