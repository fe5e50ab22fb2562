import type { ForeignProtocol, InstanceAddress } from "@skein/core";
import { refuseUnknown, speaksGoMicro } from "@skein/core/internal";
import { openGrpc } from "./grpc-road.ts";
import { createGoMicroHttpSession } from "./http-session.ts";
import { type GoMicroServiceOptions, goMicroService } from "./service.ts";

export interface GoMicroProtocolOptions {
  /** By the service's name in the registry: what the rule does not say of it. Services that it fits need no entry. */
  readonly services?: Readonly<Record<string, GoMicroServiceOptions>> | undefined;
}

/**
 * Calls Go Micro services: `client.service("greeter", { protocol: "go-micro" })`, and without a protocol each instance that its registry's record says to
 * be one. By HTTP/1.1 or by gRPC, as the record says.
 */
export function goMicroProtocol(options: GoMicroProtocolOptions = {}): ForeignProtocol {
  refuseUnknown("goMicroProtocol", options, ["services"]);
  const { services = {} } = options;
  return {
    protocol: "go-micro",
    speaks: speaksGoMicro,
    service(name) {
      const service = goMicroService(name, Object.hasOwn(services, name) ? services[name] : undefined);
      return {
        endpoint: (method) => service.endpoint(method),
        open(options) {
          const address = roadOf(options.instance.addresses) ?? options.address;
          const road = { ...options, address, service };
          return speaksGrpc(address) ? openGrpc(road) : createGoMicroHttpSession(road);
        },
      };
    },
  };
}

/** Of Go Micro's servers they have one; ours, with their doors, several. Undefined where nothing says what is spoken. */
function roadOf(addresses: readonly InstanceAddress[]): InstanceAddress | undefined {
  const of = (name: string): InstanceAddress | undefined =>
    addresses.find(({ protocol }) => protocol === name);
  return of("go-micro") ?? of("http") ?? of("grpc");
}

/** As the record says; or, where an address was written down by hand, its scheme. */
function speaksGrpc({ protocol, url }: InstanceAddress): boolean {
  return protocol === "grpc" || /^grpcs?:/.test(url);
}

/** For `client.service(name, { protocol: "go-micro" })` where nobody gave the protocol. */
export const createProtocol: () => ForeignProtocol = () => goMicroProtocol();
