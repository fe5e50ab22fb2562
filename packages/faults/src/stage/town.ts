import { CentreProcess } from "./centre-process.ts";
import { FaultProxy } from "./fault-proxy.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Stage } from "./stage.ts";

const SHORT_TTL_MS = 2000;
const DEFAULT_TTL_MS = 30_000;

/** Three servers that are registered at a centre. */
export interface Town {
  readonly centre: CentreProcess;
  readonly ttlMs: number;
  /** Those that live. */
  readonly services: ServiceProcess[];
  /** Between the servers and the centre. */
  readonly serversProxy: FaultProxy;
  /** Between clients and the centre. */
  readonly clientsProxy: FaultProxy;
  /** For clients, behind their proxy. */
  readonly options: { readonly registry: string; readonly ttl: string };
  /** Of the servers that live. */
  ports(): readonly number[];
  /** One more server. */
  join(): Promise<void>;
}

/** @param byHand each is registered once, by somebody else, and never renewed */
export async function town(stage: Stage, full: boolean, byHand = false): Promise<Town> {
  const ttlMs = full ? DEFAULT_TTL_MS : SHORT_TTL_MS;
  const ttl = `${ttlMs}ms`;
  const centre = await CentreProcess.start(stage);
  const serversProxy = await FaultProxy.start(stage, centre.port);
  const clientsProxy = await FaultProxy.start(stage, centre.port);
  const url = (proxy: FaultProxy): string => `http://127.0.0.1:${proxy.port}`;
  const services: ServiceProcess[] = [];
  const join = async (): Promise<void> => {
    const registry = byHand ? "memory:" : url(serversProxy);
    const service = await stage.start({
      env: { SKEIN_REGISTRY: registry, SKEIN_TTL: ttl, SKEIN_ADVERTISE: "127.0.0.1" },
    });
    services.push(service);
    if (byHand) await registerByHand(centre.url, service.port, ttlMs);
  };
  await Promise.all([join(), join(), join()]);
  return {
    ...{ centre, ttlMs, services, serversProxy, clientsProxy, join },
    options: { registry: url(clientsProxy), ttl },
    ports: () => services.map((s) => s.port),
  };
}

async function registerByHand(centre: string, port: number, ttlMs: number): Promise<void> {
  const body = new URLSearchParams({ name: "ledger", addr: `127.0.0.1:${port}`, ttlMs: String(ttlMs) });
  const { ok, status } = await fetch(`${centre}/register`, { method: "POST", body });
  if (!ok) throw new Error(`the centre refused a registration: ${status}`);
}
