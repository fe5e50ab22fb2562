import type { IncomingMessage } from "node:http";
import { badInput, Refusal } from "./refusal.ts";

/** Of a request's body, bytes. */
export const MOST_BODY_BYTES = 64 * 1024;

/** What was sent, by name. */
export type Fields = ReadonlyMap<string, unknown>;

/** The body, as JSON or as form fields. Rejects with a Refusal. */
export async function readFields(request: IncomingMessage): Promise<Fields> {
  return parseFields(request.headers["content-type"] ?? "", await readBody(request));
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLong = (): Refusal =>
    new Refusal(
      413,
      "RESOURCE_EXHAUSTED",
      `the body is longer than ${MOST_BODY_BYTES} bytes: send a register per instance`,
    );
  if (Number(request.headers["content-length"] ?? 0) > MOST_BODY_BYTES) return Promise.reject(tooLong());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BODY_BYTES) chunks.push(chunk);
      else {
        request.pause();
        reject(tooLong());
      }
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject);
    request.on("close", () => reject(new Error("the request was not sent to its end")));
  });
}

/** @param contentType as in the header; form fields are what curl -d says it sends, whatever it is */
export function parseFields(contentType: string, body: Uint8Array): Fields {
  const text = decode(body);
  const type = (contentType.split(";", 1)[0] as string).trim().toLowerCase();
  if (text.trim() === "") return new Map();
  if (type === "application/json") return fromJson(text);
  if (type === "application/x-www-form-urlencoded" || type === "")
    return text.trimStart().startsWith("{") ? fromJson(text) : fromForm(text);
  throw new Refusal(
    415,
    "INVALID_ARGUMENT",
    `the content type ${JSON.stringify(type.slice(0, 80))} is not understood: send application/json or form fields`,
  );
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw badInput("the body is no UTF-8");
  }
}

function fromJson(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput(`the body is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badInput('the body is no JSON object: send one such as {"name":"user","addr":"127.0.0.1:1234"}');
  return new Map(Object.entries(value));
}

function fromForm(text: string): Fields {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) throw badInput(`the field ${JSON.stringify(name.slice(0, 80))} is there twice`);
    fields.set(name, value);
  }
  return fields;
}
