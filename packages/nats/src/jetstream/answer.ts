import { isObject, type Json, jsonObject } from "@skein/registry/backend";
import { JetStreamError } from "./errors.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** What JetStream answered; undefined for what is none of its answers. Throws JetStreamError where it says no. */
export function readAnswer(bytes: Uint8Array): Json | undefined {
  const value = jsonObject(textOf(bytes));
  if (value?.error === undefined) return value;
  const { err_code, code, description } = isObject(value.error) ? value.error : {};
  const number = Number(err_code ?? code ?? 0);
  throw new JetStreamError(number, String(description ?? "an error without a text"));
}

function textOf(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return "";
  }
}
