import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@skein/core";
import { type Fields, readFields } from "./body.ts";
import { durationMs, namespaceOf, onlyKnown } from "./fields.ts";
import { listService, listServices } from "./listings.ts";
import { badInput, Refusal } from "./refusal.ts";
import { sendJson } from "./send.ts";
import type { CentreStore } from "./store.ts";
import { answerPoll, streamEvents } from "./watch-answer.ts";
import type { Watchers } from "./watchers.ts";
import { deregister, grantLease, heartbeat, register, type Written } from "./writes.ts";

const WAIT_MS = 55_000;
const MOST_WAIT_MS = 600_000;
const MOST_WATCHERS = 20_000;

/** What requests work with. */
export interface RouteContext {
  readonly store: CentreStore;
  readonly watchers: Watchers;
  readonly clock: Clock;
  /** What `GET /health` says to those who may know. */
  health(): object;
  /** Something may have changed that is to be kept. */
  onWrite(): void;
}

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whether the token was right, or none is needed. */
  readonly trusted: boolean;
}

type Write = (store: CentreStore, fields: Fields, now: number) => Written;
const WRITES: ReadonlyMap<string, Write> = new Map<string, Write>([
  ["/lease", grantLease],
  ["/register", register],
  ["/heartbeat", heartbeat],
  ["/deregister", deregister],
]);
const THERE_IS =
  "POST /register, /heartbeat, /deregister and /lease, GET /services, /services/NAME and /health";

/** Does what is asked for. Throws a Refusal. */
export async function route(context: RouteContext, asked: Asked): Promise<void> {
  const { path, response, request } = asked;
  const write = WRITES.get(path);
  if (write !== undefined) {
    only(request, "POST");
    refusePages(request);
    const fields = await readFields(request);
    const written = write(context.store, fields, context.clock.now());
    context.watchers.arm();
    if (path !== "/heartbeat") context.onWrite();
    return sendJson(response, 200, written);
  }
  const service = /^\/services\/([^/]+)$/.exec(path)?.[1];
  if (service === undefined && path !== "/services" && path !== "/health")
    throw new Refusal(
      404,
      "NOT_FOUND",
      `there is nothing at ${JSON.stringify(path.slice(0, 80))}: there is ${THERE_IS}`,
    );
  only(request, "GET");
  if (path === "/health") return sendJson(response, 200, health(context, asked));
  if (service === undefined) listing(context, asked);
  else ofService(context, asked, nameIn(service));
}

function only(request: IncomingMessage, method: string): void {
  if (request.method === method) return;
  throw new Refusal(405, "UNIMPLEMENTED", `${request.method} is not done here: use ${method}`);
}

/** A page in a browser on this machine must not register anything. */
function refusePages({ headers }: IncomingMessage): void {
  if (headers.origin === undefined) return;
  throw new Refusal(
    403,
    "PERMISSION_DENIED",
    "requests from web pages are not taken: the header Origin is set",
  );
}

function health({ health }: RouteContext, { trusted, query }: Asked): object {
  onlyKnown(query.keys(), []);
  return { status: "ok", authorized: trusted, ...(trusted ? health() : {}) };
}

function nameIn(segment: string): string {
  try {
    return decodeURIComponent(segment).toLowerCase();
  } catch {
    throw badInput("the path has a % that begins no escape");
  }
}

function listing({ store, clock }: RouteContext, { query, request, response }: Asked): void {
  if (query.has("index") || wantsEvents(request))
    throw badInput("all services cannot be watched at once: watch each, as in GET /services/user?index=0");
  onlyKnown(query.keys(), ["namespace"]);
  sendJson(response, 200, listServices(store, clock, namespaceOf(query.get("namespace"))));
}

function ofService(context: RouteContext, { query, request, response }: Asked, service: string): void {
  const { store, watchers, clock } = context;
  onlyKnown(query.keys(), ["namespace", "index", "wait"]);
  const namespace = namespaceOf(query.get("namespace"));
  const events = wantsEvents(request);
  const last = request.headers["last-event-id"];
  const index = indexOf(query.get("index") ?? (events ? (last as string | undefined) : undefined));
  const waitMs = durationMs("wait", query.get("wait") ?? `${WAIT_MS}ms`);
  if (waitMs > MOST_WAIT_MS) throw badInput(`wait=${query.get("wait")} is too long: wait 10 minutes or less`);
  if (!events && index === undefined)
    return sendJson(response, 200, listService(store, clock, namespace, service));
  if (watchers.size >= MOST_WATCHERS)
    throw new Refusal(503, "RESOURCE_EXHAUSTED", "too many watch this registry");
  const watch = { namespace, service, index };
  if (events) streamEvents(watchers, clock, watch, response);
  else answerPoll(watchers, clock, watch, waitMs, response);
}

function wantsEvents({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes("text/event-stream") === true;
}

function indexOf(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const index = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(index))
    throw badInput(
      `index=${JSON.stringify(text.slice(0, 40))} is none: give the index of the last answer, or 0`,
    );
  return index;
}
