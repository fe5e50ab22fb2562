/** Says of a value whether it cannot travel, and why; undefined: it can, or its members have to be asked. */
export type Refusal = (value: unknown) => string | undefined;

const MOST_LEVELS = 1000;

/**
 * Where in `value` something is that cannot be encoded: `order.lines[2].total: …`. Walked only once encoding has failed, or might have
 * written what no peer reads; undefined when nothing is found. Members are read as encoders read them: own, enumerable, by `toJSON` first.
 */
export function findFault(value: unknown, refusal: Refusal): string | undefined {
  return walk(value, "", refusal, []);
}

function walk(value: unknown, path: string, refusal: Refusal, above: object[]): string | undefined {
  const refused = refusal(value);
  if (refused !== undefined) return `${path === "" ? "the value" : path} is ${refused}`;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
  if (above.includes(value)) return `${path} refers to what it is part of`;
  if (above.length >= MOST_LEVELS) return `${path.slice(0, 100)}… is nested too deep`;
  above.push(value);
  const found = members(value, path, refusal, above);
  above.pop();
  return found;
}

function members(value: object, path: string, refusal: Refusal, above: object[]): string | undefined {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = walk(value[i], `${path}[${i}]`, refusal, above);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (value instanceof Date) return undefined;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function" && value.constructor !== Object)
    return walk(toJSON.call(value), path, refusal, above);
  for (const [key, member] of Object.entries(value)) {
    const found = walk(member, path === "" ? key : `${path}.${key}`, refusal, above);
    if (found !== undefined) return found;
  }
  return undefined;
}
