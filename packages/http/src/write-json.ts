/**
 * A value as JSON. What JSON lacks becomes what people expect: bytes are base64, a bigint is its digits, a Date RFC 3339, a Map an array of pairs, a Set
 * an array; NaN and the infinities are null. A value that is undefined is null.
 */
export function writeJson(value: unknown): string {
  const text = (foreign(value) ? JSON.stringify(value, convert) : JSON.stringify(value)) as
    | string
    | undefined;
  return text ?? "null";
}

/** Whether something in it has to be converted: a replacer makes stringify several times slower. */
function foreign(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(foreign);
  if (isForeign(value)) return true;
  for (const key in value) if (foreign((value as Record<string, unknown>)[key])) return true;
  return false;
}

function isForeign(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Error
  );
}

/** `this` has the member as it was: a Buffer has a toJSON of its own. */
function convert(this: unknown, key: string, json: unknown): unknown {
  const value = (this as Record<string, unknown>)[key];
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null || !isForeign(value)) return json;
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (value instanceof Error) return { name: value.name, message: value.message };
  return [...(value as Map<unknown, unknown> | Set<unknown>)];
}
