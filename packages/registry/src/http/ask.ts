import { type Code, RpcError } from "@skein/core";
import type { JsonAnswer, JsonClient, JsonQuestion } from "../backend/json-client.ts";

/** One question, ms; a long poll has its own time. */
export const QUESTION_MS = 5000;

/** Asks the centre. Rejects, with its sentence, where it refuses: NOT_FOUND, INVALID_ARGUMENT, UNAUTHENTICATED or else UNAVAILABLE. */
export type Ask = (
  question: Omit<JsonQuestion, "timeoutMs"> & { readonly timeoutMs?: number },
) => Promise<Readonly<Record<string, unknown>>>;

export function askOf(client: JsonClient, shown: string): Ask {
  return async (question) => {
    const answer = await client.ask({ timeoutMs: QUESTION_MS, ...question });
    const { status, body } = answer;
    if (status !== 200) throw refusal(answer, shown);
    if (typeof body !== "object" || body === null) throw noCentre(shown);
    return body as Readonly<Record<string, unknown>>;
  };
}

const CODES: Readonly<Record<number, Code>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
};

function refusal({ status, body, said }: JsonAnswer, shown: string): RpcError {
  const { message } = (body ?? {}) as { message?: unknown };
  const sentence = typeof message === "string" ? message.slice(0, 1000) : said;
  return new RpcError(CODES[status] ?? "UNAVAILABLE", `${shown}: ${status}: ${sentence}`, { executed: "no" });
}

/** Something else answers there. */
export function noCentre(shown: string): RpcError {
  return new RpcError(
    "UNAVAILABLE",
    `${shown}: what answers there is no registry centre (see skein registry)`,
  );
}
