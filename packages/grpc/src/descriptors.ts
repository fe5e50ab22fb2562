import type { PackageDefinition } from "@grpc/proto-loader";
import type { ServiceDescription } from "@skein/core";
import { givesStream, takesStream } from "./handler.ts";
import { protoLoader } from "./proto-loader.ts";
import { protoMethodName, protoServiceName } from "./proto-names.ts";

interface Namespace {
  nested: Record<string, unknown>;
}

const status = { type: "ServingStatus", id: 1 };
const HEALTH = {
  nested: {
    HealthCheckRequest: { fields: { service: { type: "string", id: 1 } } },
    HealthCheckResponse: {
      fields: { status },
      nested: { ServingStatus: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } } },
    },
    HealthListRequest: { fields: {} },
    HealthListResponse: {
      fields: { statuses: { keyType: "string", type: "HealthCheckResponse", id: 1 } },
    },
    Health: {
      methods: {
        Check: { requestType: "HealthCheckRequest", responseType: "HealthCheckResponse" },
        List: { requestType: "HealthListRequest", responseType: "HealthListResponse" },
        Watch: {
          requestType: "HealthCheckRequest",
          responseType: "HealthCheckResponse",
          responseStream: true,
        },
      },
    },
  },
};

const VALUE = {
  nested: {
    Struct: { fields: { fields: { keyType: "string", type: "Value", id: 1 } } },
    Value: {
      oneofs: {
        kind: { oneof: ["nullValue", "numberValue", "stringValue", "boolValue", "structValue", "listValue"] },
      },
      fields: {
        nullValue: { type: "NullValue", id: 1 },
        numberValue: { type: "double", id: 2 },
        stringValue: { type: "string", id: 3 },
        boolValue: { type: "bool", id: 4 },
        structValue: { type: "Struct", id: 5 },
        listValue: { type: "ListValue", id: 6 },
      },
    },
    NullValue: { values: { NULL_VALUE: 0 } },
    ListValue: { fields: { values: { rule: "repeated", type: "Value", id: 1 } } },
  },
};

/** Descriptors of health, and of services without a .proto: all they take and give is google.protobuf.Value. */
export function describeInProto(services: readonly ServiceDescription[]): PackageDefinition {
  const root: Namespace = { nested: {} };
  Object.assign(spaceOf(root, "google.protobuf").nested, VALUE.nested);
  Object.assign(spaceOf(root, "grpc.health.v1").nested, HEALTH.nested);
  for (const description of services) {
    const name = protoServiceName(description.service);
    const dot = name.lastIndexOf(".");
    spaceOf(root, name.slice(0, dot)).nested[name.slice(dot + 1)] = { methods: methodsOf(description) };
  }
  const { fromJSON } = protoLoader();
  return fromJSON(root as unknown as Parameters<typeof fromJSON>[0]);
}

function methodsOf({ endpoints }: ServiceDescription): object {
  const methods: Record<string, object> = {};
  for (const { name, kind } of endpoints) {
    const method = protoMethodName(name);
    if (method === undefined) continue;
    methods[method] = {
      requestType: ".google.protobuf.Value",
      responseType: ".google.protobuf.Value",
      requestStream: takesStream(kind as "unary"),
      responseStream: givesStream(kind as "unary"),
    };
  }
  return methods;
}

function spaceOf(root: Namespace, path: string): Namespace {
  let space = root;
  for (const name of path.split(".")) {
    space.nested[name] ??= { nested: {} };
    space = space.nested[name] as Namespace;
  }
  return space;
}
