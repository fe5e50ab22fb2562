import type { EndpointKind, Priority } from "../endpoint.ts";
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
const KNOWN = new Set(["name", "kind", "idempotent", "timeoutMs", "input", "output", "errors", "priority"]);

/** Undefined, or what is wrong and what would be right. */
export function optionsFault(options: RpcOptions): string | undefined {
  for (const key of Object.keys(options))
    if (!KNOWN.has(key)) return `has an unknown option "${key}": there are ${[...KNOWN].join(", ")}`;
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
  return undefined;
}
