import type { DoorHost } from "@skein/core";
import { type LoadedProto, protoFaults } from "./protos.ts";

const EVERY_MS = 100;
/** After so many looks a service that is not here is missed. */
const MOST = 100;

/** Services come after their doors: once each is there, what it and its .proto do not have in common is logged. */
export function watchProtos(host: DoorHost, protos: readonly LoadedProto[]): void {
  const { logger, runtime } = host;
  let open = protos;
  let looks = 0;
  const look = (): void => {
    // Whoever leaves misses nothing.
    if (host.draining.aborted) return;
    const described = host.services();
    open = open.filter((proto) => {
      const description = described.find(({ service }) => service === proto.service);
      if (description === undefined) return true;
      for (const fault of protoFaults(proto, description))
        logger.error({ service: proto.service }, `grpc: ${fault}`);
      return false;
    });
    if (open.length === 0) return;
    if (++looks < MOST) return void runtime.clock.setTimer(EVERY_MS, look);
    for (const { service, name } of open)
      logger.error({ service }, `grpc: ${name} was given for service ${service}, which is not served here`);
  };
  if (open.length > 0) runtime.clock.setTimer(EVERY_MS, look);
}
