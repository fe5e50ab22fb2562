import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { httpDoor } from "@skein/http";
import { createClient, type Logger, silentLogger } from "skein";
import { nodeRuntime, openRegistry, resolveConfig } from "skein/internal";
import { GatewayHost } from "./gateway-host.ts";

export interface GatewayOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly registry: string | undefined;
  readonly namespace: string | undefined;
  /** `127.0.0.1:8080`; port 0 for any. */
  readonly listen: string;
  readonly services: readonly string[] | undefined;
  readonly origins: readonly string[] | undefined;
  readonly credentials: string | undefined;
  readonly logger: Logger;
}

export interface Gateway {
  readonly url: string;
  readonly registry: string;
  /** Takes no more connections, finishes what runs (at most graceMs), leaves. */
  close(graceMs: number): Promise<void>;
}

/**
 * HTTP/JSON to all services of a registry.
 * @throws Error that names the flag or variable that is wrong, or says that it cannot listen
 */
export async function runGateway(options: GatewayOptions): Promise<Gateway> {
  const { env, registry, namespace, listen, services, origins, credentials, logger } = options;
  const factory = httpDoor(origins === undefined ? {} : { cors: { origins } });
  const opened = openRegistry(resolveConfig({ registry, namespace }, env), { runtime: nodeRuntime, logger });
  const host = new GatewayHost({
    runtime: nodeRuntime,
    logger,
    openClient: (given) =>
      createClient({ registry: opened.registry, log: silentLogger, context: false, credentials: given }),
    credentials,
    only: services,
  });
  const leave = async (): Promise<void> => {
    await host.close();
    await opened.close();
  };
  try {
    await opened.check();
    await host.start();
    const door = await factory(host);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
      door.accept(socket as Socket),
    );
    const url = await bind(server, listen);
    return {
      url,
      registry: opened.registry.name,
      async close(graceMs) {
        host.drain();
        server.close();
        await door.close(graceMs);
        await leave();
      },
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function bind(server: ReturnType<typeof createServer>, listen: string): Promise<string> {
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(listen) ?? [];
  server.listen(Number(port), host.replace(/^\[(.*)\]$/, "$1"));
  try {
    await once(server, "listening");
  } catch (error) {
    const taken = (error as { readonly code?: string }).code === "EADDRINUSE";
    const why = taken ? "the port is taken: give another with --listen" : (error as Error).message;
    throw new Error(`cannot listen on ${listen}: ${why}`, { cause: error });
  }
  const bound = server.address() as { readonly port: number };
  return `http://${host}:${bound.port}`;
}
