import { ProtoMessage } from "../proto-message.ts";
import { decodeValue } from "../value.ts";

/** One detail of a google.rpc.Status, as protobuf's JSON has it: of a type that is not known here, `value` is its bytes in base64. */
export interface StatusDetail {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

type Field = string | readonly [name: string, of: "texts" | "map" | "duration" | readonly string[]];

/** The fields of google/rpc/error_details.proto, in the order of their numbers. */
const KNOWN: Readonly<Record<string, readonly Field[]>> = {
  ErrorInfo: ["reason", "domain", ["metadata", "map"]],
  RetryInfo: [["retryDelay", "duration"]],
  DebugInfo: [["stackEntries", "texts"], "detail"],
  QuotaFailure: [["violations", ["subject", "description"]]],
  PreconditionFailure: [["violations", ["type", "subject", "description"]]],
  BadRequest: [["fieldViolations", ["field", "description", "reason"]]],
  RequestInfo: ["requestId", "servingData"],
  ResourceInfo: ["resourceType", "resourceName", "owner", "description"],
  Help: [["links", ["description", "url"]]],
  LocalizedMessage: ["locale", "message"],
};
const PREFIX = "type.googleapis.com/";
const RPC = `${PREFIX}google.rpc.`;
export const ERROR_INFO = `${RPC}ErrorInfo`;
export const RETRY_INFO = `${RPC}RetryInfo`;
export const VALUE = `${PREFIX}google.protobuf.Value`;

/**
 * The details in a header `grpc-status-details-bin`.
 * @returns none where there is none, or what is there is no google.rpc.Status: the outcome counts, not its text
 */
export function readDetails(header: unknown): readonly StatusDetail[] {
  if (typeof header !== "string") return [];
  // Of several, Node makes a list.
  const [first = ""] = header.split(",", 1);
  try {
    return new ProtoMessage(Buffer.from(first, "base64")).all(3).map(readAny);
  } catch {
    return [];
  }
}

function readAny(any: ProtoMessage): StatusDetail {
  const type = any.text(1);
  const message = any.all(2).at(-1) ?? new ProtoMessage(new Uint8Array(0));
  const fields = type.startsWith(RPC) ? KNOWN[type.slice(RPC.length)] : undefined;
  if (fields !== undefined) return { "@type": type, ...readFields(message, fields) };
  if (type === VALUE) return { "@type": type, value: decodeValue(message.bytes) };
  return { "@type": type, value: Buffer.from(message.bytes).toString("base64") };
}

function readFields(message: ProtoMessage, fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.map((field, index) => {
      const [name, of] = typeof field === "string" ? [field, "text" as const] : field;
      return [name, readField(message, index + 1, of)];
    }),
  );
}

function readField(message: ProtoMessage, number: number, of: "text" | Exclude<Field, string>[1]): unknown {
  if (of === "text") return message.text(number);
  if (of === "duration") return durationMs(message.all(number).at(-1));
  const all = message.all(number);
  if (of === "texts") return all.map(({ bytes }) => Buffer.from(bytes).toString());
  if (of === "map") return Object.fromEntries(all.map((entry) => [entry.text(1), entry.text(2)]));
  return all.map((one) => readFields(one, of));
}

/** As protobuf's JSON: `1.5s`. */
function durationMs(duration: ProtoMessage | undefined): string {
  const number = (field: number): number =>
    duration?.fields().find((f) => f.field === field && f.wire === 0)?.value ?? 0;
  return `${number(1) + number(2) / 1e9}s`;
}
