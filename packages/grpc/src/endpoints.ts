import type { IncomingHttpHeaders } from "node:http2";
import { type Clock, type EndpointKind, type Metadata, RpcError, type ServiceDescription } from "@skein/core";
import { anyService, credentialsOf, findGoName } from "@skein/core/internal";
import { type Format, guessedFormat, jsonFormat } from "./format.ts";
import { givesStream, type Handler } from "./handler.ts";
import { metadataOf } from "./headers.ts";

/** What is served is asked anew after so long, ms, and when something is not found. */
const FRESH_MS = 1000;
const MOST_REMEMBERED = 1000;

/** Finds what a path leads to among the services as they are now: they may be added and removed at any time. */
export class Endpoints {
  readonly #services: () => readonly ServiceDescription[];
  readonly #clock: Clock;
  #found = new Map<string, Handler>();
  #read: readonly ServiceDescription[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(services: () => readonly ServiceDescription[], clock: Clock) {
    this.#services = services;
    this.#clock = clock;
  }

  /** As they were within the last second. */
  services(): readonly ServiceDescription[] {
    const now = this.#clock.monotonic();
    if (now - this.#readAt >= FRESH_MS) this.#refresh(now);
    return this.#read;
  }

  #refresh(now: number): void {
    this.#read = this.#services();
    this.#readAt = now;
    this.#found = new Map();
  }

  /**
   * `/user/getUser`, `/user.User/GetUser`, `/acme.v1.UserService/GetUser`: the rule of findGoName, unless another is given.
   * @throws RpcError UNIMPLEMENTED naming near ones
   */
  find(path: string, rule: (services: readonly ServiceDescription[]) => Handler = plainRule(path)): Handler {
    const services = this.services();
    let handler = this.#found.get(path);
    if (handler !== undefined) return handler;
    try {
      handler = rule(services);
    } catch {
      // It may have come this moment.
      this.#refresh(this.#clock.monotonic());
      handler = rule(this.#read);
    }
    if (this.#found.size < MOST_REMEMBERED) this.#found.set(path, handler);
    return handler;
  }
}

function plainRule(path: string): (services: readonly ServiceDescription[]) => Handler {
  return (services) => {
    const found = findGoName(path.slice(1).replace("/", "."), services);
    if ("unknown" in found) throw unknown(path, found.hint);
    return endpointHandler(found.service, found.method, found.kind ?? "unary", plainFormat);
  };
}

function plainFormat(contentType: string): Format {
  return contentType === jsonFormat.contentType ? jsonFormat : guessedFormat(contentType);
}

/** Calls an endpoint through the peer's session. */
export function endpointHandler(
  service: string,
  method: string,
  kind: EndpointKind,
  format: Handler["format"],
): Handler {
  return {
    kind,
    format,
    run(input, { headers, callers, timeoutMs, signal }) {
      const { client, release } = callers.take(credentialsOf(headers));
      const options = { timeoutMs, signal, metadata: metadataFor(headers) };
      const call = anyService(client, service).call(method, input, options);
      if (givesStream(kind)) return releasing(call, release);
      return call.then(
        (value) => {
          release();
          return value;
        },
        (error: unknown) => {
          release(error);
          throw error;
        },
      );
    },
  };
}

/** Go Micro's client says a second time, in metadata, how its messages are written; nobody else does. */
export function isGoMicro(headers: IncomingHttpHeaders): boolean {
  return headers["x-content-type"] !== undefined;
}

/** What Go Micro's client adds of its own (the second is the deadline, in ns, which gRPC has already) is no metadata of its caller's. */
function metadataFor(headers: IncomingHttpHeaders): Metadata | undefined {
  if (!isGoMicro(headers)) return metadataOf(headers);
  const { "x-content-type": _type, timeout: _timeout, ...others } = headers;
  return metadataOf(others);
}

async function* releasing(
  items: AsyncIterable<unknown>,
  release: (error?: unknown) => void,
): AsyncGenerator<unknown> {
  let failure: unknown;
  try {
    yield* items;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    release(failure);
  }
}

export function unknown(path: string, hint: string): RpcError {
  return new RpcError("UNIMPLEMENTED", `nothing is served at ${path.slice(0, 200)}${hint}`, {
    executed: "no",
  });
}
