import type { Transport } from "@skein/core";
import { createMemoryTransport, createTcpTransport, type TlsSettings } from "@skein/transport";
import { ambient } from "./ambient.ts";
import { createNatsTransport, type NatsServers } from "./nats-transport.ts";
import { nodeRuntime as runtime } from "./node-runtime.ts";
import { SetupError } from "./setup-error.ts";

/** TCP (TLS where there are settings for it), Unix sockets, memory, and NATS where its servers are known. */
export function createTransports(tls?: TlsSettings, nats?: NatsServers): readonly Transport[] {
  return [
    createTcpTransport({ runtime, tls }),
    createTcpTransport({ runtime, scheme: "unix" }),
    createMemoryTransport({ runtime }),
    ...(nats === undefined ? [] : [createNatsTransport(runtime, nats)]),
  ].map(outsideOfCalls);
}

/** A connection outlives the call that needed it first. */
function outsideOfCalls(transport: Transport): Transport {
  return {
    ...transport,
    dial: (address, options) => ambient.outside(() => transport.dial(address, options)),
  };
}

/** Throws an Error that names the address. */
export function transportFor(address: string, transports: readonly Transport[]): Transport {
  const scheme = address.slice(0, address.indexOf(":"));
  const found = transports.find((transport) => transport.scheme === scheme);
  if (found === undefined)
    throw new SetupError(
      `no transport for ${address}: there are ${transports.map((t) => t.scheme).join(", ")}`,
    );
  return found;
}
