import type { EndpointKind, MethodLimits, Priority } from "../endpoint.ts";
import type { ErrorsContract } from "../errors/define-errors.ts";
import { isStandardSchema, type StandardSchema } from "../schema.ts";

/** What `@Rpc` and the builders of defineService take. */
export interface RpcOptions {
  /** Callers who use the class as a type see the method's own name: give another one where they use an interface. @default the method's own name */
  readonly name?: string | undefined;
  /** Needed for methods that take a stream (`client-stream`, `bidi-stream`), and for `server-stream`s that are no async generators. */
  readonly kind?: EndpointKind | undefined;
  /** The call may be executed twice: it is tried again when nobody knows whether it was executed. @default false */
  readonly idempotent?: boolean | undefined;
  /** Deadline for callers that set none, ms. @default 5000, none for streams */
  readonly timeoutMs?: number | undefined;
  /** Checked at the door; of a stream, each item. */
  readonly input?: StandardSchema | undefined;
  /** Checked before it is sent; of a stream, each item. */
  readonly output?: StandardSchema | undefined;
  /** Typed errors that it throws (`defineErrors`). */
  readonly errors?: ErrorsContract | undefined;
  /** Under overload `sheddable` calls are refused first, `critical` ones last. @default "normal" */
  readonly priority?: Priority | undefined;
  /** How many calls of it a server runs at once, and how many a second. @default no limits of its own */
  readonly limits?: MethodLimits | undefined;
}

/** What a timer can wait: 24.8 days. */
const MOST_MS = 2 ** 31 - 1;
const KINDS: readonly unknown[] = [
  "unary",
  "server-stream",
  "client-stream",
  "bidi-stream",
] satisfies EndpointKind[];
const PRIORITIES: readonly unknown[] = ["critical", "normal", "sheddable"] satisfies Priority[];
const KNOWN: readonly string[] = Object.keys({
  name: true,
  kind: true,
  idempotent: true,
  timeoutMs: true,
  input: true,
  output: true,
  errors: true,
  priority: true,
  limits: true,
} satisfies Record<keyof RpcOptions, true>);
const KNOWN_LIMITS: readonly string[] = Object.keys({
  concurrency: true,
  ratePerSecond: true,
  burst: true,
} satisfies Record<keyof MethodLimits, true>);

/** Undefined, or what is wrong and what would be right. */
export function optionsFault(options: RpcOptions): string | undefined {
  for (const key of Object.keys(options))
    if (!KNOWN.includes(key)) return `has an unknown option "${key}": there are ${KNOWN.join(", ")}`;
  const { kind, timeoutMs, priority, idempotent } = options;
  if (kind !== undefined && !KINDS.includes(kind))
    return `has kind ${JSON.stringify(kind)}: give one of ${KINDS.join(", ")}`;
  if (priority !== undefined && !PRIORITIES.includes(priority))
    return `has priority ${JSON.stringify(priority)}: give one of ${PRIORITIES.join(", ")}`;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MOST_MS))
    return `has timeoutMs ${String(timeoutMs)}: give milliseconds above 0 and at most ${MOST_MS}`;
  if (idempotent !== undefined && typeof idempotent !== "boolean")
    return `has idempotent ${String(idempotent)}: give true or false`;
  for (const side of ["input", "output"] as const)
    if (options[side] !== undefined && !isStandardSchema(options[side]))
      return `has an ${side} that is no Standard Schema: give one of zod, valibot, arktype or the like`;
  if (options.errors !== undefined && !(options.errors?.definitions instanceof Map))
    return "has errors that defineErrors did not make: give what it returns";
  return limitsFault(options.limits);
}

function limitsFault(limits: MethodLimits | undefined): string | undefined {
  if (limits === undefined) return undefined;
  if (typeof limits !== "object" || limits === null)
    return `has limits ${String(limits)}: give an object with ${KNOWN_LIMITS.join(", ")}`;
  for (const key of Object.keys(limits))
    if (!KNOWN_LIMITS.includes(key))
      return `has an unknown limit "${key}": there are ${KNOWN_LIMITS.join(", ")}`;
  const { concurrency, ratePerSecond, burst } = limits;
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    return `has limits.concurrency ${String(concurrency)}: give a whole number of calls above 0`;
  if (ratePerSecond !== undefined && !(Number.isFinite(ratePerSecond) && ratePerSecond > 0))
    return `has limits.ratePerSecond ${String(ratePerSecond)}: give calls a second, above 0`;
  if (burst !== undefined && !(Number.isFinite(burst) && burst >= 1))
    return `has limits.burst ${String(burst)}: give a number of calls, at least 1`;
  if (burst !== undefined && ratePerSecond === undefined)
    return "has limits.burst without limits.ratePerSecond: give both";
  return undefined;
}
