import { createHash } from "node:crypto";

const MOST_LABEL_BYTES = 63;
const PLAIN = /^[A-Za-z0-9_-]+$/;
const HASH_DIGITS = 32;

/**
 * One label of a DNS name for a text with dots in it (a service, a namespace): `billing.invoice` is `billing~invoice`. A dot within a label is legal, but
 * hardly any library reads it back. Texts have 63 bytes at the most.
 */
export function dotless(text: string): string {
  return text.replaceAll(".", "~");
}

/** One label for a thing and its id, such as `user~4f2a`; with a hash in place of what is too long or odd. Readers take both from TXT. */
export function labelOf(thing: string, separator: string, id: string): string {
  const plain = dotless(thing) + separator + id;
  if (PLAIN.test(id) && plain.length <= MOST_LABEL_BYTES) return plain;
  const hash = createHash("sha256").update(`${thing}\0${id}`).digest("hex").slice(0, HASH_DIGITS);
  const rest = MOST_LABEL_BYTES - HASH_DIGITS - separator.length;
  return dotless(thing).slice(0, rest) + separator + hash;
}

/** Names are the same whatever their case, with the last dot or without. */
export function sameCase(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** Why a text is no domain such as `local`; undefined when it is one. */
export function domainFault(domain: string): string | undefined {
  const sound =
    domain.length <= 100 && domain.split(".").every((l) => PLAIN.test(l) && l.length <= MOST_LABEL_BYTES);
  return sound ? undefined : `is no domain: give one such as "local", up to 100 characters`;
}
