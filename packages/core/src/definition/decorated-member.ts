import { type MetadataTarget, recordFault } from "./metadata-store.ts";

/** Notes what a decorator was told of a method. Returns what is wrong with it there, for when the class is served. */
export type NoteMember = (target: MetadataTarget, key: string) => string | undefined;

interface Member {
  readonly kind: string;
  readonly isStatic: boolean;
  readonly isPrivate: boolean;
}

/**
 * A decorator for methods, standard and legacy at once.
 * @param label of the decorator, for messages: `@Rpc`; @param what its method is: `an endpoint`
 */
export function memberDecorator(
  label: string,
  what: string,
  note: NoteMember,
): (value: object, second: DecoratorContext | string | symbol, descriptor?: PropertyDescriptor) => void {
  const record = (target: object, key: string | symbol, member: Member): void => {
    const fault = memberFault(label, what, key, member) ?? note(target, key as string);
    if (fault !== undefined) recordFault(target, fault);
  };
  return (value, second, descriptor) => {
    if (typeof second === "object") standard(label, second, record);
    else legacy(value, second, descriptor, record);
  };
}

type Record = (target: object, key: string | symbol, member: Member) => void;

function standard(label: string, context: DecoratorContext, record: Record): void {
  const target = context.metadata as object | undefined;
  if (target === undefined)
    throw new TypeError(
      `${label} on ${String(context.name)}: the compiler gives no decorator metadata; use a newer one, or experimentalDecorators`,
    );
  record(target, context.name as string | symbol, {
    kind: context.kind,
    isStatic: "static" in context && context.static,
    isPrivate: "private" in context && context.private,
  });
}

function legacy(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  record: Record,
): void {
  const isStatic = typeof target === "function";
  record(isStatic ? target : target.constructor, key, {
    kind: legacyKind(descriptor),
    isStatic,
    isPrivate: false,
  });
}

/** Of fields, some compilers give no descriptor, and some one of their own, with an initializer. */
function legacyKind(descriptor: PropertyDescriptor | undefined): string {
  if (typeof descriptor?.value === "function") return "method";
  if (descriptor?.get !== undefined) return "getter";
  return descriptor?.set === undefined ? "field" : "setter";
}

function memberFault(
  label: string,
  what: string,
  key: string | symbol,
  { kind, isStatic, isPrivate }: Member,
): string | undefined {
  const name = String(key);
  if (kind !== "method") return `${label} is on ${name}, which is a ${kind}: it belongs on a method`;
  if (isStatic) return `${label} is on the static method ${name}: make it a method of the instance`;
  if (isPrivate) return `${label} is on the private method ${name}: make it public`;
  if (typeof key === "symbol") return `${label} is on ${name}: ${what} needs a name that is a string`;
  return undefined;
}
