import { type ForeignProtocol, type Logger, type Runtime, silentLogger } from "@skein/core";
import { assumedUnary, refuseUnknown, wholeService } from "@skein/core/internal";
import { connectNats } from "../../nats-client.ts";
import { parseNatsUrl } from "../../nats-url.ts";
import { isMicroName, microName } from "../micro-names.ts";
import { Link } from "./link.ts";
import { MicroSession } from "./micro-session.ts";

const PROTOCOL = "nats-micro";
const OPTIONS = ["url", "logger", "namespace", "names"];

export interface NatsMicroProtocolOptions {
  /** Of NATS's servers, as of `createTransport`. */
  readonly url: string;
  /** @default none */
  readonly logger?: Logger | undefined;
  /** Services of ours that have another are left alone. @default none */
  readonly namespace?: string | undefined;
  /** How services are named there, by our names: `{ math: "CalculatorService" }`. @default the same, dots being `_` */
  readonly names?: Readonly<Record<string, string>> | undefined;
}

/**
 * Calls services of NATS's micro protocol (ADR-32), whoever serves them: `client.service("greeter", { protocol: "nats-micro" })`. NATS says who serves, and
 * shares the calls among them; no registry is asked. Endpoints are unary, and not idempotent unless the caller (or a service of ours) says so.
 * @throws Error that names an option that is wrong
 */
export function natsMicroProtocol(options: NatsMicroProtocolOptions): ForeignProtocol {
  refuseUnknown("natsMicroProtocol", options, OPTIONS);
  const { url, logger = silentLogger, namespace, names = {} } = options;
  for (const [ours, theirs] of Object.entries(names))
    if (!isMicroName(theirs))
      throw new TypeError(
        `natsMicroProtocol: names.${ours} is ${JSON.stringify(theirs)}: give letters, digits, "-" and "_"`,
      );
  const target = parseNatsUrl(url);
  const link = (runtime: Runtime): Link =>
    new Link({ runtime, connect: (events) => connectNats(target, { runtime, logger }, events) });
  return protocolOver(link, namespace, names);
}

/** For `client.service(name, { protocol: "nats-micro" })` where nobody gave the protocol. */
export function createProtocol(known: NatsMicroProtocolOptions): ForeignProtocol {
  return natsMicroProtocol(known);
}

/** Apart from where its connection comes from. */
export function protocolOver(
  link: (runtime: Runtime) => Link,
  namespace?: string | undefined,
  names: Readonly<Record<string, string>> = {},
): ForeignProtocol {
  let shared: Link | undefined;
  return {
    protocol: PROTOCOL,
    service(service) {
      const name = Object.hasOwn(names, service) ? (names[service] as string) : microName(service);
      if (name === undefined)
        throw new TypeError(`the service name ${JSON.stringify(service)} is no name on NATS`);
      return {
        endpoint: assumedUnary,
        instance: wholeService(service, PROTOCOL),
        open: (given) => {
          shared ??= link(given.runtime);
          return new MicroSession({ ...given, shared, name, namespace });
        },
      };
    },
  };
}
