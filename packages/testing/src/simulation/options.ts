import type { ClientOptions, Registry, ServerOptions, Transport } from "@skein/core";
import type { Faults } from "./faults.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world-types.ts";

export interface SimulationOptions {
  /** Everything follows from it: the same seed gives the same trace. */
  readonly seed: number;
  readonly services: readonly SimulatedService[];
  /** Client processes: `client-1`, `client-2`, … @default 1 */
  readonly clients?: number | undefined;
  /** Of all clients, those within services too. */
  readonly clientOptions?: Partial<ClientOptions> | undefined;
  /** Faults befall the world for so long, or until the body has ended. @default 30_000 */
  readonly durationMs?: number | undefined;
  /** What goes wrong, and how often; false: nothing. @default a little of everything */
  readonly faults?: Partial<Faults> | false | undefined;
  /** Of leases, ms. @default 30_000 */
  readonly ttlMs?: number | undefined;
  /** What the clients do. It runs while the faults befall, and what it throws fails the simulation. */
  readonly body: (world: World) => Promise<void> | void;
  /** To put something of your own between a process and the world: called once a process. */
  readonly ports?: ((ports: SimulatedPorts, process: string) => SimulatedPorts) | undefined;
}

export interface SimulatedService {
  /** Of its processes: `user` gives `user-1`, `user-2`, … */
  readonly name: string;
  /** Processes. @default 1 */
  readonly copies?: number | undefined;
  /** What a process serves: made anew each time it starts. What is to outlive a crash belongs outside of it. */
  readonly start: (process: SimulatedProcess) => object | readonly object[];
  readonly serverOptions?: Partial<ServerOptions> | undefined;
}

/** What a process has of the world. */
export interface SimulatedPorts {
  readonly transport: Transport;
  readonly registry: Registry;
}
