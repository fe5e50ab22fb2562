import { MOST_STRING_BYTES } from "../wire.ts";

const EQUALS = 0x3d;
const MOST_FIELD_BYTES = 64 * 1024;
const CONTINUED = /\+\d+$/;

/**
 * TXT strings, `key=value` each. A string has 255 bytes at the most: a longer value goes on in `key+1=`, `key+2=` and so on, cut between any two bytes.
 */
export function writeFields(fields: Iterable<readonly [key: string, value: string]>): readonly Uint8Array[] {
  const strings: Uint8Array[] = [];
  for (const [key, value] of fields) {
    const bytes = Buffer.from(value);
    let at = 0;
    for (let n = 0; n === 0 || at < bytes.length; n++) {
      const head = Buffer.from(`${n === 0 ? key : `${key}+${n}`}=`);
      const part = bytes.subarray(at, at + MOST_STRING_BYTES - head.length);
      strings.push(Buffer.concat([head, part]));
      at += part.length;
    }
  }
  return strings;
}

/** Values by their keys. Of several with the same key the first counts (RFC 6763, 6.4); undefined where a part is missing. */
export function readFields(strings: readonly Uint8Array[]): ReadonlyMap<string, string> | undefined {
  const parts = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const string of strings) {
    bytes += string.length;
    if (bytes > MOST_FIELD_BYTES) return undefined;
    const equals = string.indexOf(EQUALS);
    if (equals < 1) continue;
    const key = Buffer.from(string.subarray(0, equals)).toString("latin1");
    if (!parts.has(key)) parts.set(key, string.subarray(equals + 1));
  }
  const fields = new Map<string, string>();
  let used = 0;
  for (const key of parts.keys()) {
    if (CONTINUED.test(key)) continue;
    const whole: Uint8Array[] = [];
    for (let part = parts.get(key); part !== undefined; part = parts.get(`${key}+${whole.length}`))
      whole.push(part);
    used += whole.length;
    fields.set(key, Buffer.concat(whole).toString("utf8"));
  }
  return used === parts.size ? fields : undefined;
}
