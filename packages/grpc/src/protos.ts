import { fileURLToPath } from "node:url";
import type { MethodDefinition, PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { type EndpointKind, RpcError, type ServiceDescription } from "@skein/core";
import { findGoName } from "@skein/core/internal";
import { endpointHandler, unknown } from "./endpoints.ts";
import { type Format, invalid, jsonFormat } from "./format.ts";
import type { Handler } from "./handler.ts";
import { protoLoader } from "./proto-loader.ts";

/** A service that speaks protobuf, by its .proto. */
export interface ProtoOptions {
  /** Ours, as in `@Service("user")`. */
  readonly service: string;
  /** The .proto file, or a URL such as `new URL("user.proto", import.meta.url)`. */
  readonly file: string | URL;
  /** Full name of the service in the file, where there are several: `acme.v1.UserService`. */
  readonly name?: string | undefined;
  /** Where imported .proto files are. @default the folder of the file that imports them */
  readonly includeDirs?: readonly string[] | undefined;
}

export type ProtoMethod = MethodDefinition<object, object>;

/** The service of a .proto, and ours that answers for it or is called by it. */
export interface LoadedProto {
  readonly service: string;
  readonly name: string;
  /** By its own name, as in `GetUser`. */
  readonly methods: ReadonlyMap<string, ProtoMethod>;
  readonly definition: PackageDefinition;
}

/** As JSON has them: 64-bit integers are strings, enums their names, a oneof says which of its fields is set. */
const LOADING = { longs: String, enums: String, defaults: true, oneofs: true };

/** @throws TypeError for what is no array of `{ service, file }` */
export function checkProtos(protos: unknown, of: string): void {
  if (protos === undefined) return;
  const give = 'give an array, as in [{ service: "user", file: "user.proto" }]';
  if (!Array.isArray(protos))
    throw new TypeError(`${of}: option protos is ${JSON.stringify(protos)}: ${give}`);
  for (const one of protos as readonly (Partial<ProtoOptions> | null | undefined)[]) {
    if (typeof one?.service !== "string" || one.service === "")
      throw new TypeError(`${of}: option protos has ${JSON.stringify(one)}, without a service: ${give}`);
    if (typeof one.file !== "string" && !(one.file instanceof URL))
      throw new TypeError(`${of}: option protos: service ${one.service} has no file: ${give}`);
  }
}

/**
 * @param of whose option it is, for messages
 * @throws TypeError naming the file and what is missing in it
 */
export function loadProto({ service, file, name, includeDirs }: ProtoOptions, of: string): LoadedProto {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const what = `${of}: option protos: ${path} of service ${service}`;
  let definition: PackageDefinition;
  try {
    definition = protoLoader().loadSync(path, {
      ...LOADING,
      ...(includeDirs !== undefined && { includeDirs: [...includeDirs] }),
    });
  } catch (cause) {
    throw new TypeError(`${what} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  const names = Object.keys(definition).filter((key) => !("format" in (definition[key] as object)));
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (names.length === 0) throw new TypeError(`${what} has no service`);
  if (chosen === undefined)
    throw new TypeError(`${what} has several services: choose one by name: ${names.join(", ")}`);
  if (!names.includes(chosen))
    throw new TypeError(`${what} has no service ${chosen}: it has ${names.join(", ")}`);
  const methods = new Map(
    Object.values(definition[chosen] as ServiceDefinition).map((method) => [
      method.path.slice(method.path.lastIndexOf("/") + 1),
      method,
    ]),
  );
  return { service, name: chosen, methods, definition };
}

/**
 * What is called at each path of the .proto: the endpoint named as Go programs name it (`GetUser` is `getUser`).
 * @param services as they are now
 */
export function protoHandler(
  proto: LoadedProto,
  methodName: string,
  services: readonly ServiceDescription[],
): Handler {
  const path = `/${proto.name}/${methodName}`;
  const method = proto.methods.get(methodName);
  if (method === undefined)
    throw unknown(path, `: ${proto.name} has the methods ${[...proto.methods.keys()].join(", ")}`);
  const own = services.filter(({ service }) => service === proto.service);
  const found = findGoName(`${proto.service}.${methodName}`, own);
  if ("unknown" in found)
    throw unknown(
      path,
      `: service ${proto.service} ${found.unknown === "service" ? "is not here" : "has no such endpoint"}`,
    );
  const kind = protoKind(method);
  if (found.kind !== undefined && found.kind !== kind)
    throw unknown(
      path,
      `: it is ${kind} in the .proto, and ${found.service}.${found.method} is ${found.kind}`,
    );
  return endpointHandler(found.service, found.method, kind, (contentType) =>
    contentType === jsonFormat.contentType ? jsonFormat : protobufFormat(path, method, contentType),
  );
}

/** Lines for the log: what the .proto has and the service lacks, and the other way round. */
export function protoFaults(proto: LoadedProto, description: ServiceDescription): readonly string[] {
  const faults: string[] = [];
  const matched = new Set<string>();
  for (const [name, method] of proto.methods) {
    const found = findGoName(`${proto.service}.${name}`, [description]);
    const kind = protoKind(method);
    if ("unknown" in found)
      faults.push(`${proto.name} has ${name}, and service ${proto.service} has no endpoint for it`);
    else {
      matched.add(found.method);
      if (found.kind !== kind)
        faults.push(
          `${proto.name}/${name} is ${kind}, and ${proto.service}.${found.method} is ${found.kind}`,
        );
    }
  }
  for (const { name } of description.endpoints)
    if (!matched.has(name))
      faults.push(`service ${proto.service} has ${name}, and ${proto.name} has no method for it`);
  return faults;
}

/** Of a method as its .proto has it. */
export function protoKind({ requestStream, responseStream }: ProtoMethod): EndpointKind {
  if (requestStream) return responseStream ? "bidi-stream" : "client-stream";
  return responseStream ? "server-stream" : "unary";
}

/** For those who answer. */
function protobufFormat(path: string, method: ProtoMethod, contentType: string): Format {
  return {
    contentType,
    decode: reader(method.requestDeserialize, `a message is no ${typeName(method, "requestType")}`),
    encode(value) {
      try {
        return method.responseSerialize((value ?? {}) as object);
      } catch (cause) {
        const why = `${path} was given what is no ${typeName(method, "responseType")}: ${(cause as Error).message}`;
        throw new RpcError("INTERNAL", why, { executed: "yes", cause });
      }
    },
  };
}

/** For those who call. */
export function requestFormat(path: string, method: ProtoMethod, contentType: string): Format {
  const takes = `${path} takes a ${typeName(method, "requestType")}`;
  return {
    contentType,
    decode: reader(method.responseDeserialize, `it is no ${typeName(method, "responseType")}`),
    encode(value) {
      if (typeof (value ?? {}) !== "object") throw invalid(`${takes}: give an object, not a ${typeof value}`);
      try {
        return method.requestSerialize((value ?? {}) as object);
      } catch (cause) {
        throw invalid(`${takes}: ${(cause as Error).message}`, cause);
      }
    },
  };
}

function typeName(method: ProtoMethod, side: "requestType" | "responseType"): string {
  return (method[side].type as { readonly name?: string }).name ?? side;
}

/** @throws RpcError from what it returns */
function reader(read: (bytes: Buffer) => object, fault: string): Format["decode"] {
  return (bytes) => {
    try {
      return read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (cause) {
      throw invalid(`${fault}: ${(cause as Error).message}`, cause);
    }
  };
}
