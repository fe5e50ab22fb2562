import type { Instance, MethodReport, Readiness } from "@skein/core";
import type { EventsClient } from "./events/create-events.ts";

/** Services being served: on one port, under one lease. */
export interface App extends AsyncDisposable {
  /** Where callers reach it. */
  readonly address: string;
  /** `starting` until everything is announced; `draining` from close() or a signal on. */
  readonly state: AppState;
  /** What it serves, as the registry has it. */
  services(): readonly Instance[];
  /** Serves one more: starts it, then announces it. Rejects when its name and version are served already. */
  add(target: object): Promise<Instance>;
  /** Takes a service (all of its versions) away: deregistered, drained, stopped. Rejects when it is not served. */
  remove(name: string): Promise<void>;
  /** As `/health/ready` answers. */
  ready(): Promise<Readiness>;
  /** Publishes events and subscribes to them; counters of the services' handlers are in its report. */
  readonly events: EventsClient;
  /** Counters and latencies by service and method since start. */
  report(): readonly MethodReport[];
  /**
   * Takes no more events, deregisters, tells every peer, finishes what runs (at most graceMs), stops the services. Resolves once nothing is left; the process goes
   * on. Idempotent.
   */
  close(): Promise<void>;
}
export type AppState = "starting" | "serving" | "draining" | "closed";
