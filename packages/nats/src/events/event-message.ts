import type { BusEvent, Metadata } from "@skein/core";
import type { NatsMessageHeaders } from "../nats-port.ts";

/** The server drops a second message with the same. */
const ID = "Nats-Msg-Id";
const PUBLISHED_AT = "Skein-Published-At";
const CONTENT_TYPE = "Content-Type";
/** Before keys of metadata that mean something else here. */
const ESCAPED = "skein-meta-";
const RESERVED = /^(?:nats-|skein-meta-|skein-published-at$|content-type$)/;
const KEY = /^[a-z0-9_.-]{1,255}$/;
/** As RFC 8187 has it, for what a header's value cannot hold. */
const EXTENDED = "UTF-8''";
const PLAIN = /^(?!UTF-8''|[ \t])[\x20-\x7e]*(?<! )$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;
const VALID_ID = /^[\x21-\x7e]{1,128}$/;
const VALID_TYPE = /^[\x20-\x7e]{1,128}$/;
const FIRST_LINE_BYTES = "NATS/1.0\r\n\r\n".length;

/** What an event is besides its name and payload. Throws an Error that names what no header can hold. */
export function headersOf(event: Omit<BusEvent, "payload" | "name">): Map<string, string> {
  const { id, publishedAt, contentType, metadata } = event;
  if (!VALID_ID.test(id))
    throw new Error(`the id ${JSON.stringify(id)} must be 1 to 128 visible ASCII characters`);
  if (!VALID_TYPE.test(contentType))
    throw new Error(`the content type ${JSON.stringify(contentType)} must be 1 to 128 ASCII characters`);
  const headers = new Map([
    [ID, id],
    [PUBLISHED_AT, String(publishedAt)],
    [CONTENT_TYPE, contentType],
  ]);
  for (const [key, value] of Object.entries(metadata)) {
    if (!KEY.test(key))
      throw new Error(`the metadata key ${JSON.stringify(key)} must be of a-z, 0-9, "_", "." and "-"`);
    if (CONTROL.test(value))
      throw new Error(`the metadata "${key}" must have no line ends or other control characters`);
    headers.set(RESERVED.test(key) ? ESCAPED + key : key, encodeValue(value));
  }
  return headers;
}

/** On the wire. */
export function headerBytes(headers: ReadonlyMap<string, string>): number {
  let bytes = FIRST_LINE_BYTES;
  for (const [name, value] of headers) bytes += name.length + value.length + ": \r\n".length;
  return bytes;
}

/** Visible ASCII as it is, all else as RFC 8187 has it. */
export function encodeValue(value: string): string {
  return PLAIN.test(value)
    ? value
    : EXTENDED + encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"));
}

function decodeValue(value: string): string {
  if (!value.startsWith(EXTENDED)) return value;
  try {
    return decodeURIComponent(value.slice(EXTENDED.length));
  } catch {
    return value;
  }
}

/** What holds of an event whose publisher says nothing: anybody may publish with plain NATS. */
export interface Unsaid {
  readonly id: string;
  readonly publishedAt: number;
}

/** An event from its message, whoever has sent it: what is not as it should be is left out. */
export function readEvent(
  name: string,
  payload: Uint8Array,
  headers: NatsMessageHeaders | undefined,
  unsaid: () => Unsaid,
): BusEvent {
  const id = headers?.get(ID) ?? "";
  const time = Number.parseFloat(headers?.get(PUBLISHED_AT) ?? "");
  const type = headers?.get(CONTENT_TYPE) ?? "";
  const known = VALID_ID.test(id) && Number.isFinite(time);
  const fallback = known ? undefined : unsaid();
  return {
    name,
    id: VALID_ID.test(id) ? id : (fallback as Unsaid).id,
    publishedAt: Number.isFinite(time) ? time : (fallback as Unsaid).publishedAt,
    contentType: VALID_TYPE.test(type) ? type : "application/json",
    metadata: metadataIn(headers),
    payload,
  };
}

function metadataIn(headers: NatsMessageHeaders | undefined): Metadata {
  const metadata: Record<string, string> = Object.create(null);
  for (const name of headers?.names() ?? []) {
    const lower = name.toLowerCase();
    const escaped = lower.startsWith(ESCAPED);
    if (!escaped && RESERVED.test(lower)) continue;
    const key = escaped ? lower.slice(ESCAPED.length) : lower;
    const value = decodeValue(headers?.get(name) ?? "");
    if (KEY.test(key) && !CONTROL.test(value)) metadata[key] = value;
  }
  return metadata;
}
