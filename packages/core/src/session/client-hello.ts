import type { ClientHello, ServerHello } from "../protocol/hello.ts";
import type { ClientSessionOptions, SessionLimits } from "./client-session-types.ts";

/** What a client says first. */
export function clientHello(options: ClientSessionOptions, limits: SessionLimits): ClientHello {
  const { service, instance, credentials, codecs } = options;
  return {
    service,
    instance,
    codecs: codecs.map((c) => c.contentType),
    credentials,
    maxMessageBytes: limits.maxMessageBytes,
    streamWindowBytes: limits.streamWindowBytes,
  };
}

/** Undefined when the server is the one that was asked for; else who it is. A reused port executes nothing. */
export function otherThanAsked(hello: ServerHello, options: ClientSessionOptions): string | undefined {
  const { service, instance, connection } = options;
  if (hello.service === service && (instance === undefined || hello.instance === instance)) return undefined;
  const asked = instance === undefined ? service : `${service} as ${instance}`;
  return `${connection.remote} serves ${hello.service} as ${hello.instance}, not ${asked}`;
}
