/**
 * An options object of numbers above 0, filled in with defaults.
 * @param what for messages: `limits`, `httpDoor: limits`
 * @throws TypeError that names the option
 */
export function fillNumbers<T extends object>(what: string, defaults: T, given: Partial<T> | undefined): T {
  const out: Record<string, number> = { ...(defaults as Record<string, number>) };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue;
    if (!Object.hasOwn(defaults, name))
      throw new TypeError(`${what}.${name} is not known: there are ${Object.keys(defaults).join(", ")}`);
    if (typeof value !== "number" || !(value > 0))
      throw new TypeError(`${what}.${name} is ${String(value)}: give a number above 0`);
    out[name] = value;
  }
  return out as T;
}

/** @throws TypeError for an option that there is none of, as of a slip of the pen */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  const odd = Object.keys(options).find((name) => !known.includes(name));
  if (odd !== undefined) throw new TypeError(`${what}: no option ${odd}: there are ${known.join(", ")}`);
}
