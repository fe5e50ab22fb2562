import type { Snapshot } from "@skein/core";
import type { Answer } from "@skein/registry/backend";
import type { ConsulClient, ConsulQuestion } from "./consul-client.ts";
import { entriesOf, type HealthEntry } from "./health-entries.ts";
import type { Lane } from "./request-budget.ts";

/** How long Consul may hold a blocking query back, and how much longer the network may take. */
const WAIT_MS = 55_000;
const NETWORK_MS = 5000;

export interface HealthAnswer {
  readonly entries: readonly HealthEntry[];
  readonly index: number;
}

export interface HealthQuestion {
  readonly signal?: AbortSignal | undefined;
  /** Answered once Consul's index is higher, or after a while; 0: at once. @default 0 */
  readonly after?: number | undefined;
  /** How long a while is; Consul adds a sixteenth at the most. @default 55 s */
  readonly waitMs?: number | undefined;
  readonly lane: Lane;
  readonly query?: ConsulQuestion["query"];
}

/** All entries of a service, whatever their health. Rejects where the answer is none that one may believe. */
export async function askHealth(
  client: ConsulClient,
  name: string,
  question: HealthQuestion,
): Promise<HealthAnswer> {
  const { signal, after = 0, waitMs = WAIT_MS, lane } = question;
  const path = `/v1/health/service/${encodeURIComponent(name)}`;
  const block = after > 0 ? { index: String(after), wait: `${Math.ceil(waitMs)}ms` } : {};
  const { body, headers } = await client.ask({
    path,
    query: { ...block, ...question.query },
    signal,
    lane,
    ...(after > 0 ? { timeoutMs: Math.ceil(waitMs + waitMs / 16 + NETWORK_MS) } : {}),
  });
  const entries = entriesOf(body);
  if (entries === undefined)
    throw new Error(`${client.shown}: GET ${path}: the answer is no list of a service's entries`);
  if (entries.length === 0 && headers.get("x-consul-results-filtered-by-acls") === "true")
    throw new HiddenError(
      `${client.shown}: GET ${path}: the URL's token may not see what is there: it needs service:read and node:read`,
    );
  return { entries, index: indexOf(headers, `${client.shown}: GET ${path}`) };
}

/** Consul says that it leaves out what the token may not see: an empty answer is none. */
export class HiddenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HiddenError";
  }
}

function indexOf(headers: Headers, what: string): number {
  const said = headers.get("x-consul-index");
  const index = Number(said);
  if (said === null || !Number.isSafeInteger(index) || index < 0)
    throw new Error(`${what}: the answer has no X-Consul-Index: is it Consul that answers?`);
  return Math.max(1, index);
}

/**
 * What asks after one service again and again, by blocking queries. An index that went backwards is that of another store: asked anew from none. So is it
 * after a failure, since a store that lost its data would hold a question after an index of old back without saying what it has.
 */
export function blockingAsk(
  client: ConsulClient,
  name: string,
  read: (answer: HealthAnswer) => Snapshot,
): (signal: AbortSignal) => Promise<Answer> {
  let after = 0;
  // The first question of all is not held up by other watches.
  let lane: Lane = "read";
  return async (signal) => {
    const asked = after;
    after = 0;
    const first = lane;
    lane = "watch";
    const answer = await askHealth(client, name, { signal, after: asked, lane: first });
    const snapshot = read(answer);
    after = answer.index < asked ? 0 : answer.index;
    return { snapshot };
  };
}

/** As blockingAsk, by asking each `pollMs`. */
export function pollingAsk(
  client: ConsulClient,
  name: string,
  pollMs: number,
  read: (answer: HealthAnswer) => Snapshot,
): (signal: AbortSignal) => Promise<Answer> {
  return async (signal) => ({
    snapshot: read(await askHealth(client, name, { signal, lane: "read" })),
    waitMs: pollMs,
  });
}
