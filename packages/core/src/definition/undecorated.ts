import { isReserved } from "./names.ts";

/**
 * Names of public methods that no caller can reach, own and inherited: perhaps something was forgotten. What TypeScript calls private cannot be
 * told from public here, so a leading underscore counts as private, like `#`.
 */
export function undecoratedMethods(target: object, members: ReadonlySet<string>): string[] {
  const names = new Set<string>();
  for (const prototype of prototypesOf(target))
    for (const key of Object.getOwnPropertyNames(prototype))
      if (isMethod(prototype, key) && !key.startsWith("_") && !isReserved(key) && !members.has(key))
        names.add(key);
  return [...names];
}

function isMethod(prototype: object, key: string): boolean {
  return typeof Object.getOwnPropertyDescriptor(prototype, key)?.value === "function";
}

function prototypesOf(target: object): object[] {
  const all: object[] = [];
  for (
    let p = Object.getPrototypeOf(target) as object | null;
    p !== null && p !== Object.prototype;
    p = Object.getPrototypeOf(p) as object | null
  )
    all.push(p);
  return all;
}
