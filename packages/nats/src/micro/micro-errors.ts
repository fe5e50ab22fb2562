import { CODES, type Code, type Executed, RpcError } from "@skein/core";
import { codeOfGoMicro } from "@skein/core/internal";
import type { NatsMessageHeaders } from "../nats-port.ts";
import { readBody, writeBody } from "./json-body.ts";

const ERROR = "Nats-Service-Error";
const ERROR_CODE = "Nats-Service-Error-Code";
const MOST_TEXT = 1024;

/** As behind the HTTP door, but that each that can be told apart is. */
const NUMBERS: Readonly<Record<Code, number>> = {
  INVALID_ARGUMENT: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  FAILED_PRECONDITION: 412,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  DATA_LOSS: 500,
  UNKNOWN: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** How an error is answered: in headers for any client, with all that ours want to know in the body. */
export interface ErrorAnswer {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** As STATS has it: `404:no user 7`. */
  readonly text: string;
}

/** @param mostBytes of the body; without details, then without anything, it is shorter */
export function writeError(error: RpcError, mostBytes: number): ErrorAnswer {
  const number = NUMBERS[error.code];
  const text = headerText(error.message) || error.code;
  return {
    headers: new Map([
      [ERROR, text],
      [ERROR_CODE, String(number)],
    ]),
    body: bodyOf(error, mostBytes),
    text: `${number}:${text}`,
  };
}

function bodyOf(error: RpcError, mostBytes: number): Uint8Array {
  const { code, message, type, details, id, executed, retryAfterMs } = error;
  const bare = { code, message: message.slice(0, MOST_TEXT), type, id, executed, retryAfterMs };
  for (const value of [{ ...bare, message, details }, bare]) {
    try {
      const body = writeBody(value);
      if (body.length <= mostBytes) return body;
    } catch {
      // Details that are no JSON: it is told without them.
    }
  }
  return new Uint8Array();
}

/** In one line. */
function headerText(message: string): string {
  return message
    .slice(0, MOST_TEXT)
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim();
}

/** The error that an answer is; undefined when it is none. Of ours all is told; of others what they call it, and that they have executed it. */
export function readError(headers: NatsMessageHeaders | undefined, bytes: Uint8Array): RpcError | undefined {
  if (headers === undefined) return undefined;
  const number = headers.get(ERROR_CODE);
  const text = headers.get(ERROR);
  if (number === "" && text === "") return undefined;
  const body = errorBody(bytes);
  return (
    ourError(body) ??
    new RpcError(codeOfGoMicro(Number(number)), text || `error ${number}`, { executed: "yes", details: body })
  );
}

function errorBody(bytes: Uint8Array): unknown {
  try {
    return readBody(bytes);
  } catch {
    return new TextDecoder().decode(bytes.subarray(0, MOST_TEXT));
  }
}

const EXECUTED: readonly unknown[] = ["no", "maybe", "yes"] satisfies Executed[];

function ourError(body: unknown): RpcError | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { code, message, type, details, id, executed, retryAfterMs } = body as Record<string, unknown>;
  if (code === "OK" || !(CODES as readonly unknown[]).includes(code)) return undefined;
  if (typeof message !== "string" || !EXECUTED.includes(executed)) return undefined;
  const not = executed === "no";
  return new RpcError(code as Code, message, {
    executed: executed as Executed,
    details,
    ...(typeof type === "string" && { type }),
    ...(typeof id === "string" && { id }),
    ...(not && typeof retryAfterMs === "number" && retryAfterMs > 0 && { retry: retryAfterMs }),
    ...(not && retryAfterMs === undefined && code === "UNAVAILABLE" && { retry: "elsewhere" as const }),
  });
}
