/**
 * What a wrapper goes by: field by field its own options, the client's policy, the defaults. Undefined: the policy turns it off, and
 * the wrapper was given no options of its own.
 */
export function rulesOf<T extends object>(
  own: { readonly [K in keyof T]?: T[K] | undefined } | undefined,
  policy: T | undefined,
  defaults: T,
): T | undefined {
  if (own === undefined) return policy;
  const out: T = { ...(policy ?? defaults) };
  for (const key of Object.keys(own) as (keyof T)[])
    if (own[key] !== undefined) out[key] = own[key] as T[keyof T];
  return out;
}
