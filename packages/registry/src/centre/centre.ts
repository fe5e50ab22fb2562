import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger, Runtime, Timer } from "@skein/core";
import { createCentreServer } from "./server.ts";
import { CentreStore } from "./store.ts";
import { Watchers } from "./watchers.ts";

const TICK_MS = 1000;
const SWEEP_TICKS = 30;
/** Answers that are under way have so long when it stops, ms. */
const CLOSE_MS = 1000;
export const DEFAULT_LISTEN = "127.0.0.1:8800";

export interface CentreOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Host and port; port 0 takes any that is free. @default "127.0.0.1:8800" */
  readonly listen?: string | undefined;
  /** Whoever asks must send it. @default none is needed */
  readonly token?: string | undefined;
  /** See CentreServerOptions. */
  readonly timeouts?: { readonly headersMs: number; readonly requestMs: number } | undefined;
}

/** A registry that listens. */
export interface Centre {
  /** `http://127.0.0.1:8800`, without the token. */
  readonly url: string;
  /** For tests, and for those who look into it: what it holds. */
  readonly store: CentreStore;
  /** Ends watches and connections. Idempotent. */
  close(): Promise<void>;
}

/** Starts an HTTP registry: see `skein registry`. Rejects, naming the address, when it cannot listen. */
export async function startCentre(options: CentreOptions): Promise<Centre> {
  const { runtime, logger, token } = options;
  const { clock } = runtime;
  const store: CentreStore = new CentreStore({
    clock,
    uniqueId: runtime.uniqueId,
    revision: Math.floor(clock.now()),
    onChange: (namespace, service) => watchers.changed(namespace, service),
  });
  const watchers = new Watchers(store, clock);
  const since = clock.monotonic();
  const server = createCentreServer({
    ...{ store, watchers, clock, logger, token },
    timeouts: options.timeouts,
    health: () => ({
      leases: store.leases,
      instances: store.records,
      watchers: watchers.size,
      index: store.revision,
      upMs: Math.round(clock.monotonic() - since),
    }),
    onWrite: () => {},
  });
  const url = await listen(server, options.listen ?? DEFAULT_LISTEN);
  const stopTicking = tick(runtime, store, watchers);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    stopTicking();
    watchers.close();
    await stopServing(server, clock);
  };
  return {
    url,
    store,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function tick({ clock }: Runtime, store: CentreStore, watchers: Watchers): () => void {
  let ticks = 0;
  let timer: Timer;
  const once = (): void => {
    timer = clock.setTimer(TICK_MS, once);
    store.tick();
    ticks++;
    if (ticks % SWEEP_TICKS !== 0) return;
    store.sweep();
    watchers.sweep();
  };
  once();
  return () => timer.cancel();
}

/** Its URL. */
async function listen(server: Server, address: string): Promise<string> {
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  if (host === "" || Number(port) > 65_535)
    throw new Error(
      `"${address}" is nothing to listen on: give a host and a port, such as ${DEFAULT_LISTEN}`,
    );
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const because =
        error.code === "EADDRINUSE" ? "the port is taken: give another with --listen" : error.message;
      reject(new Error(`the registry cannot listen on ${address}: ${because}`, { cause: error }));
    });
    server.listen({ host: host.replace(/^\[|\]$/g, ""), port: Number(port) }, resolve);
  });
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

async function stopServing(server: Server, clock: Runtime["clock"]): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = clock.setTimer(CLOSE_MS, () => server.closeAllConnections());
  await closed;
  timer.cancel();
}
