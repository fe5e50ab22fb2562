import { RpcError } from "@skein/core";
import { hasProtoKey, isNotCalled } from "@skein/core/internal";
import { writeJson } from "../write-json.ts";
import { ScanError } from "./message-scanner.ts";
import { rawMember } from "./raw-member.ts";

export interface Request {
  /** As it was written: not rounded, and null where there was none. */
  readonly id: string;
  /** `User.GetUser`. */
  readonly method: string;
  /** Undefined for none: `params` missing, empty or `[null]`. */
  readonly input: unknown;
  /** What is wrong with it and what would be right: it is answered with that. */
  readonly fault: string | undefined;
}

/** @throws ScanError when it is no JSON */
export function readRequest(json: string): Request {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(json) as Record<string, unknown>;
  } catch {
    throw new ScanError("a message is not JSON");
  }
  const { id, method, params } = value;
  const read = (fault?: string, input?: unknown): Request => ({
    id: rawId(json, id),
    method: typeof method === "string" ? method : "",
    input: input ?? undefined,
    fault,
  });
  if (typeof method !== "string") return read(`method is ${nameKind(method)}: give "Type.Method"`);
  if (params === undefined || params === null) return read();
  if (!Array.isArray(params))
    return read(`params is ${nameKind(params)}: give an array of one value, or none`);
  if (params.length > 1) return read(`params has ${params.length} values: an endpoint takes one, or none`);
  if (hasProtoKey(json, params)) return read('params has the key "__proto__": it is refused');
  return read(undefined, params[0]);
}

function rawId(json: string, id: unknown): string {
  if (id === undefined || id === null) return "null";
  return typeof id === "string" ? JSON.stringify(id) : (rawMember(json, "id") ?? "null");
}

function nameKind(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * An answer with a value. What has none is `{}`: Go's client takes a result of null for a broken connection.
 */
export function resultAnswer(id: string, value: unknown): string {
  const json = writeJson(value);
  return `{"id":${id},"result":${json === "null" ? "{}" : json},"error":null}\n`;
}

export function errorAnswer(id: string, text: string): string {
  // Go's client calls an empty one unspecified.
  return `{"id":${id},"result":null,"error":${JSON.stringify(text === "" ? "unknown error" : text)}}\n`;
}

/** `NOT_FOUND: no user 42`, and whether it was executed where that is not certain: all that an error of this protocol can carry. */
export function errorText({ code, message, executed, id }: RpcError): string {
  const logged = id === undefined ? "" : ` (logged as ${id})`;
  const ran = { no: " (not executed)", maybe: " (may have been executed)", yes: "" }[executed];
  return `${code}: ${message}${logged}${ran}`;
}

/** A request of ours. No input is `null`, as Go's client writes it. */
export function requestText(id: number, method: string, input: unknown): string {
  return `{"method":${JSON.stringify(method)},"params":[${writeJson(input)}],"id":${id}}\n`;
}

export interface Answer {
  /** Of ours: a number; NaN for any other. */
  readonly id: number;
  readonly value: unknown;
  readonly error: RpcError | undefined;
}

/** @throws ScanError when it is no JSON */
export function readAnswer(json: string): Answer {
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(json) as Record<string, unknown>;
  } catch {
    throw new ScanError("a message is not JSON");
  }
  const { id, result, error } = answer;
  const read = (value: unknown, failed?: RpcError): Answer => ({
    id: typeof id === "number" ? id : Number.NaN,
    value,
    error: failed,
  });
  if (error !== null && error !== undefined) return read(undefined, errorOf(error));
  if (hasProtoKey(json, result))
    return read(
      undefined,
      new RpcError("INTERNAL", 'the answer has the key "__proto__"', { executed: "yes" }),
    );
  return read(result);
}

/** Errors are strings; what they mean is between the server's author and the caller. */
function errorOf(error: unknown): RpcError {
  const text = typeof error === "string" ? error : JSON.stringify(error);
  return isNotCalled(text)
    ? new RpcError("UNIMPLEMENTED", text, { executed: "no" })
    : new RpcError("UNKNOWN", text, { executed: "yes" });
}
