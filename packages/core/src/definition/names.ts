/**
 * Names must be keys in every registry: etcd and Consul paths, DNS labels, NATS tokens (dots aside, which a registry may write otherwise), file names.
 * Some of these do not tell capitals from small letters, so there are none.
 */
const NAME = /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*$/;
const VERSION = /^[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?$/;
const METHOD = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const MOST = 63;
const METHOD_MOST = 128;

/** What a service's client has for itself, and what would make an object behave as something else. */
const RESERVED = new Set([
  "call",
  "then",
  "catch",
  "finally",
  "constructor",
  "prototype",
  "__proto__",
  "toString",
  "toJSON",
  "toLocaleString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "propertyIsEnumerable",
  "__defineGetter__",
  "__defineSetter__",
  "__lookupGetter__",
  "__lookupSetter__",
  "onStart",
  "onStop",
]);

/** Undefined, or what is wrong and what would be right. */
export function serviceNameFault(name: unknown): string | undefined {
  if (typeof name === "string" && name.length <= MOST && NAME.test(name)) return undefined;
  return `the service name ${quote(name)} cannot be a key in a registry: use up to ${MOST} small letters, digits, "-" or "_" between them, and dots, as in "user" or "billing.invoice"`;
}

/** Undefined, or what is wrong and what would be right. */
export function versionFault(version: unknown): string | undefined {
  if (typeof version === "string" && version.length <= MOST && VERSION.test(version)) return undefined;
  return `the version ${quote(version)} cannot be a key in a registry: use a semantic version as in "1.2.0", or a word as in "v1"`;
}

/** Undefined, or what is wrong and what would be right. */
export function methodNameFault(name: unknown): string | undefined {
  if (typeof name !== "string" || !METHOD.test(name) || name.length > METHOD_MOST)
    return `${quote(name)} cannot be an endpoint's name: use up to ${METHOD_MOST} letters, digits, "_", "-" and dots, beginning with a letter`;
  return RESERVED.has(name)
    ? `"${name}" is reserved: give the endpoint another name, as in @Rpc({ name: "${name}It" })`
    : undefined;
}

/** Names that are no endpoint's: lifecycle, and what any object has. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}

function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}

/** `UserProfileService` to `user-profile`. */
export function nameOfClass(className: string): string {
  return className
    .replace(/Service$/, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}
