import type { ServiceDescription } from "@skein/core";
import { describeInProto } from "./descriptors.ts";
import { HEALTH_SERVICE } from "./health.ts";
import { protoServiceName } from "./proto-names.ts";
import type { LoadedProto } from "./protos.ts";
import { indexProtos, type ReflectionIndex } from "./reflection-index.ts";

type Protos = ReadonlyMap<string, LoadedProto>;
type Services = readonly ServiceDescription[];

/** Every name by which health may be asked for a service: ours, and protobuf's. */
export function servedNames(services: Services, protos: Protos): readonly string[] {
  const names = services.map(({ service }) => service);
  return [...new Set([...names, ...names.flatMap((service) => protoNames(service, protos))])];
}

function protoNames(service: string, protos: Protos): readonly string[] {
  const given = [...protos.values()].filter((proto) => proto.service === service).map(({ name }) => name);
  return given.length > 0 ? given : [protoServiceName(service)];
}

function same(before: Services, now: Services): boolean {
  return before.length === now.length && before.every((one, i) => one === now[i]);
}

/** For reflection: made anew when the services are others. */
export function reflectionOf(services: () => Services, protos: Protos): () => ReflectionIndex {
  let of: Services | undefined;
  let index: ReflectionIndex | undefined;
  return () => {
    const now = services();
    if (index !== undefined && of !== undefined && same(of, now)) return index;
    of = now;
    const given = [...protos.values()];
    const plain = now.filter(({ service }) => !given.some((proto) => proto.service === service));
    const shown = new Set([HEALTH_SERVICE, ...now.flatMap(({ service }) => protoNames(service, protos))]);
    index = indexProtos([describeInProto(plain), ...given.map(({ definition }) => definition)], shown);
    return index;
  };
}
