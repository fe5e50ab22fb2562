type Json = Readonly<Record<string, unknown>>;

/** Keywords whose value is data: what looks like a reference in it is none. */
const DATA = new Set(["const", "enum", "default", "examples", "example"]);

/**
 * A schema as a part of another document: references within it point to where it stands there. Undefined for a schema that has no form in JSON
 * (`{ vendor }`), or that refers to what cannot be found.
 * @param at where it stands: `#/components/schemas/user.getUser.input`
 */
export function embedSchema(schema: unknown, at: string): Json | boolean | undefined {
  if (typeof schema === "boolean") return schema;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return undefined;
  const { $schema: _, $id: __, ...rest } = schema as Json;
  const keys = Object.keys(rest);
  if (keys.length === 1 && keys[0] === "vendor") return undefined;
  try {
    return embed(rest, at, rest) as Json;
  } catch (error) {
    if (error instanceof Unresolved) return undefined;
    throw error;
  }
}

class Unresolved extends Error {}

function embed(value: unknown, at: string, root: Json): unknown {
  if (Array.isArray(value)) return value.map((item) => embed(item, at, root));
  if (typeof value !== "object" || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === "$ref" && typeof member === "string") out[key] = refer(member, at, root);
    else out[key] = DATA.has(key) ? member : embed(member, at, root);
  }
  return out;
}

function refer(reference: string, at: string, root: Json): string {
  if (reference !== "#" && !reference.startsWith("#/")) throw new Unresolved(reference);
  if (resolvePointer(root, reference) === undefined) throw new Unresolved(reference);
  return `${at}${reference.slice(1)}`;
}

/** What a JSON pointer in a fragment (`#/a/b`) leads to. */
function resolvePointer(root: unknown, reference: string): unknown {
  let value = root;
  for (const part of reference.slice(1).split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
