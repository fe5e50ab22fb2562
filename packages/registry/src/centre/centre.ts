import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger, Runtime, Timer } from "@skein/core";
import { createCentreServer } from "./server.ts";
import { SnapshotFile } from "./snapshot-file.ts";
import { dumpJson } from "./snapshot-format.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
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
  /** Where its state survives a restart: written within a second or so of a change, and when it stops. @default it does not */
  readonly dataFile?: string | undefined;
  /** See CentreServerOptions. */
  readonly timeouts?: { readonly headersMs: number; readonly requestMs: number } | undefined;
}

/** A registry that listens. */
export interface Centre {
  /** `http://127.0.0.1:8800`, without the token. */
  readonly url: string;
  /** For tests, and for those who look into it: what it holds. */
  readonly store: CentreStore;
  /** Ends watches and connections, and writes the snapshot: rejects where that fails. Idempotent. */
  close(): Promise<void>;
}

/** Starts an HTTP registry: see `skein registry`. Rejects, saying what to do, when it cannot listen, or cannot read or write its file. */
export async function startCentre(options: CentreOptions): Promise<Centre> {
  const { runtime, logger, token, dataFile, timeouts } = options;
  const { clock, uniqueId } = runtime;
  const store: CentreStore = new CentreStore({
    ...{ clock, uniqueId, revision: Math.floor(clock.now()) },
    onChange(namespace, service) {
      watchers.changed(namespace, service);
      snapshots?.changed();
    },
  });
  const watchers = new Watchers(store, clock);
  let snapshots: SnapshotKeeper | undefined;
  const file = dataFile === undefined ? undefined : new SnapshotFile(dataFile, { logger, clock });
  await restore(store, file, logger);
  const server = createCentreServer({
    ...{ store, watchers, clock, logger, token, timeouts },
    health: healthOf(store, watchers, clock),
    onWrite: () => snapshots?.changed(),
  });
  const address = options.listen ?? DEFAULT_LISTEN;
  const url = await listen(server, address);
  const stopTicking = tick(runtime, store, watchers);
  const text = (): string => dumpJson(store.dump());
  const stop = async (): Promise<void> => {
    stopTicking();
    watchers.close();
    await stopServing(server, clock);
  };
  if (file !== undefined) {
    // Now rather than in an hour it is to be known that it cannot be written.
    await file.save(text()).catch(async (error) => {
      await stop();
      throw error;
    });
    snapshots = new SnapshotKeeper({ clock, logger, text, save: (json) => file.save(json) });
  }
  if (token === undefined && !/^(127\.|localhost:|\[::1\])/.test(address))
    logger.warn({ address }, "whoever reaches this registry can change it: give it a token");
  let closing: Promise<void> | undefined;
  return {
    url,
    store,
    close() {
      closing ??= stop().then(() => snapshots?.close());
      return closing;
    },
  };
}

async function restore(store: CentreStore, file: SnapshotFile | undefined, logger: Logger): Promise<void> {
  const dump = await file?.load();
  if (dump === undefined) return;
  store.restore(dump);
  logger.info({ instances: store.records, leases: store.leases }, "restored from the snapshot");
}

function healthOf(store: CentreStore, watchers: Watchers, clock: Runtime["clock"]): () => object {
  const since = clock.monotonic();
  return () => ({
    leases: store.leases,
    instances: store.records,
    watchers: watchers.size,
    index: store.revision,
    upMs: Math.round(clock.monotonic() - since),
  });
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
