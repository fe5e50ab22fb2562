import { RpcError } from "@skein/core";
import { type Format, invalid, jsonFormat } from "./format.ts";
import type { Handler } from "./handler.ts";
import type { HealthState } from "./health-state.ts";
import { ProtoWriter, protoFields } from "./wire.ts";

const STATUS = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
type Status = keyof typeof STATUS;

export const HEALTH_SERVICE = "grpc.health.v1.Health";

/** What health needs of its door. */
export interface HealthParts {
  readonly state: HealthState;
  /** Whether a service of that name is here; any of its names will do. */
  known(service: string): boolean;
  names(): Iterable<string>;
  /** The door closes: watches end. */
  readonly closing: AbortSignal;
}

/** grpc.health.v1, by path. */
export function healthHandlers(parts: HealthParts): ReadonlyMap<string, Handler> {
  const { state, known, names, closing } = parts;
  const now = (service: string): Status =>
    service !== "" && !known(service) ? "SERVICE_UNKNOWN" : state.ready ? "SERVING" : "NOT_SERVING";
  const check = async (input: unknown): Promise<unknown> => {
    const { service } = input as { readonly service: string };
    await state.look();
    const status = now(service);
    if (status !== "SERVICE_UNKNOWN") return { status };
    throw new RpcError("NOT_FOUND", `no service ${JSON.stringify(service.slice(0, 80))} here`, {
      executed: "no",
    });
  };
  async function* watch(input: unknown, signal: AbortSignal): AsyncGenerator<unknown> {
    const { service } = input as { readonly service: string };
    const ended = AbortSignal.any([signal, closing]);
    let told: Status | undefined;
    await state.look();
    for (;;) {
      const status = now(service);
      if (status !== told) {
        told = status;
        yield { status };
        // While that was sent it may have become another.
        continue;
      }
      if (ended.aborted) break;
      await state.next(ended);
    }
    throw new RpcError("UNAVAILABLE", "the server ends", { executed: "yes" });
  }
  const list = async (): Promise<unknown> => {
    await state.look();
    return {
      statuses: Object.fromEntries(["", ...names()].map((service) => [service, { status: now(service) }])),
    };
  };
  const format =
    (encode: Format["encode"]) =>
    (contentType: string): Format =>
      contentType === jsonFormat.contentType
        ? { ...jsonFormat, decode: fromJson }
        : { contentType, decode, encode };
  return new Map<string, Handler>([
    [`/${HEALTH_SERVICE}/Check`, { kind: "unary", format: format(encodeStatus), run: check }],
    [
      `/${HEALTH_SERVICE}/Watch`,
      {
        kind: "server-stream",
        format: format(encodeStatus),
        run: (input, { signal }) => watch(input, signal),
      },
    ],
    [`/${HEALTH_SERVICE}/List`, { kind: "unary", format: format(encodeList), run: list }],
  ]);
}

/** HealthCheckRequest. */
function decode(bytes: Uint8Array): unknown {
  let service = "";
  try {
    for (const { field, wire, start, end } of protoFields(bytes, 0, bytes.length))
      if (field === 1 && wire === 2) service = Buffer.from(bytes.subarray(start, end)).toString();
  } catch (cause) {
    throw invalid("the message is no grpc.health.v1.HealthCheckRequest", cause);
  }
  return { service };
}

function fromJson(bytes: Uint8Array): unknown {
  const given = jsonFormat.decode(bytes) as { readonly service?: unknown } | null | undefined;
  return { service: String(given?.service ?? "") };
}

function encodeStatus(value: unknown): Uint8Array {
  return new ProtoWriter().number(1, STATUS[(value as { readonly status: Status }).status]).finish();
}

function encodeList(value: unknown): Uint8Array {
  const writer = new ProtoWriter();
  const { statuses } = value as { readonly statuses: Readonly<Record<string, unknown>> };
  for (const [service, status] of Object.entries(statuses))
    writer.bytes(1, new ProtoWriter().bytes(1, service).bytes(2, encodeStatus(status)).finish());
  return writer.finish();
}
