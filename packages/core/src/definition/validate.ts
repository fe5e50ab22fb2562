import type { Endpoint } from "../endpoint.ts";
import { RpcError } from "../errors/rpc-error.ts";
import type { StandardIssue, StandardResult, StandardSchema } from "../schema.ts";

/** What a caller is told of one thing that is wrong. */
export interface Issue {
  /** `user.tags[0]`; "" for the value itself. */
  readonly path: string;
  readonly message: string;
}

/** An error is small whatever a caller sends: a schema finds something in each of 100,000 items, and quotes what it found. */
const MOST_ISSUES = 16;
const MOST_TEXT = 256;

type Checked = Pick<Endpoint, "name" | "input" | "output">;

/**
 * Checks an input at the door. Returns the schema's output, or a promise of it where the schema is asynchronous.
 * Throws (or rejects with) INVALID_ARGUMENT naming the fields; `details.issues` has them one by one.
 */
export function validateInput(endpoint: Checked, value: unknown): unknown {
  return check(endpoint.input, value, (issues) => {
    throw new RpcError("INVALID_ARGUMENT", `invalid input for ${endpoint.name}: ${inWords(issues)}`, {
      executed: "no",
      details: { issues },
    });
  });
}

/** Checks an output before it is sent. Throws (or rejects with) INTERNAL: what is wrong is for the server's log, not for the caller. */
export function validateOutput(endpoint: Checked, value: unknown): unknown {
  return check(endpoint.output, value, (issues) => {
    throw new RpcError("INTERNAL", `${endpoint.name} returned what its output schema refuses`, {
      executed: "yes",
      cause: new Error(inWords(issues)),
    });
  });
}

/** Passes each item through `map`, awaiting what it returns. */
export async function* mapItems(
  source: AsyncIterable<unknown> | Iterable<unknown>,
  map: (item: unknown) => unknown,
): AsyncGenerator<unknown, void, void> {
  for await (const item of source) yield await map(item);
}

/** Checks an event's payload. Returns the schema's output or a promise of it; throws (or rejects with) INVALID_ARGUMENT naming the fields. */
export function validatePayload(schema: StandardSchema | undefined, event: string, value: unknown): unknown {
  return check(schema, value, (issues) => {
    throw new RpcError("INVALID_ARGUMENT", `invalid payload of ${event}: ${inWords(issues)}`, {
      executed: "no",
      details: { issues },
    });
  });
}

function check(
  schema: StandardSchema | undefined,
  value: unknown,
  refuse: (issues: readonly Issue[]) => never,
): unknown {
  if (schema === undefined) return value;
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then((r) => settle(r, refuse)) : settle(result, refuse);
}

function settle(result: StandardResult<unknown>, refuse: (issues: readonly Issue[]) => never): unknown {
  return result.issues === undefined
    ? result.value
    : refuse(result.issues.slice(0, MOST_ISSUES).map(toIssue));
}

function toIssue(issue: StandardIssue): Issue {
  let path = "";
  for (const segment of issue.path ?? []) {
    const key = typeof segment === "object" ? segment.key : segment;
    if (typeof key === "number") path += `[${key}]`;
    else path += path === "" ? String(key) : `.${String(key)}`;
  }
  return { path: clip(path), message: clip(issue.message) };
}

function inWords(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
}

function clip(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}
