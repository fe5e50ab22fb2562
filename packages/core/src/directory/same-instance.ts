import type { Instance, InstanceAddress } from "../instance.ts";

/** Whether two records say the same. The same object, which is what backends give for what did not change, is told at once. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.status === b.status &&
      a.weight === b.weight &&
      a.version === b.version &&
      a.zone === b.zone &&
      a.service === b.service &&
      a.startedAt === b.startedAt &&
      sameAddresses(a.addresses, b.addresses) &&
      sameTexts(a.metadata, b.metadata))
  );
}

function sameAddresses(a: readonly InstanceAddress[], b: readonly InstanceAddress[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((at, n) => at.protocol === b[n]?.protocol && at.url === b[n]?.url);
}

function sameTexts(a: Instance["metadata"], b: Instance["metadata"]): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
