import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type DoorHost, RpcError } from "@skein/core";
import { anyService, credentialsOf, DoorCallers } from "@skein/core/internal";
import { BodyLines } from "./body-lines.ts";
import { checkMethod, givesStream, readInput } from "./call-input.ts";
import type { Catalogue } from "./catalogue.ts";
import { corsHeaders, preflightHeaders, refuseUnasked } from "./cors.ts";
import { errorAnswer } from "./error-answer.ts";
import type { Exchange } from "./exchange.ts";
import type { GoNameBook } from "./go-name-book.ts";
import { sendHealth } from "./health-side.ts";
import type { HttpOptions } from "./http-options.ts";
import type { HttpLimits } from "./limits.ts";
import type { Pages } from "./pages.ts";
import { HttpRefusal } from "./refusal.ts";
import { metadataOf, timeoutOf } from "./request-options.ts";
import { answer } from "./routes.ts";
import { send } from "./send.ts";
import type { HttpPeer } from "./server.ts";
import { sendStream } from "./stream-answer.ts";
import { writeJson } from "./write-json.ts";

/** What all connections of a door share. */
export interface CallDoorParts {
  readonly host: DoorHost;
  readonly options: HttpOptions;
  readonly limits: HttpLimits;
  readonly catalogue: Catalogue;
  readonly pages: Pages;
  /** What Go Micro's programs mean. */
  readonly names: GoNameBook;
}

/** One HTTP connection: `/service/method`, health, and what there is to read about the services. */
export class CallPeer implements HttpPeer {
  readonly #p: CallDoorParts;
  readonly #callers: DoorCallers;
  readonly #metadata: readonly string[];

  constructor(parts: CallDoorParts, remote: string) {
    this.#p = parts;
    this.#callers = new DoorCallers(parts.host, remote);
    this.#metadata = (parts.options.headers ?? []).map((name) => name.toLowerCase());
  }

  async answer(request: IncomingMessage, response: ServerResponse, draining: () => boolean): Promise<void> {
    const url = request.url ?? "";
    const path = url.split("?", 1)[0] as string;
    const query = url.slice(path.length + 1);
    const exchange = { request, response, limits: this.#p.limits, path, query, draining };
    let headers: OutgoingHttpHeaders = {};
    try {
      headers = corsHeaders(request.headers, this.#p.options.cors) ?? {};
      await this.#route(exchange, headers);
    } catch (error) {
      if (response.destroyed) return;
      if (response.headersSent) throw error;
      if (!(error instanceof HttpRefusal) && !RpcError.is(error))
        this.#p.host.logger.error({ err: error, path }, "an HTTP request failed within the door");
      const refused = errorAnswer(error);
      await send(
        exchange,
        refused.status,
        { ...headers, ...refused.headers },
        `${writeJson(refused.body)}\n`,
      );
    }
  }

  async #route(exchange: Exchange, headers: OutgoingHttpHeaders): Promise<void> {
    const { request, response, path } = exchange;
    const { host, options, pages } = this.#p;
    const goName = request.headers["micro-endpoint"] || request.headers["micro-method"];
    if (typeof goName === "string" && request.method === "POST") return this.#goMicro(exchange, goName);
    if (path.startsWith("/health/")) {
      const given = await answer(host.health, request.method ?? "", request.url ?? "");
      return sendHealth(response, given, exchange.draining());
    }
    if (request.method === "OPTIONS")
      return send(exchange, 204, preflightHeaders(request.headers, options.cors, this.#metadata), "");
    const page = pages.find(path);
    if (page !== undefined) {
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new HttpRefusal(405, "UNIMPLEMENTED", `${path} is read with GET`, {
          headers: { allow: "GET, HEAD" },
        });
      const { headers: own, text } = page();
      return send(exchange, 200, { ...headers, ...own }, text);
    }
    const [service, method] = splitPath(path);
    return this.#call(exchange, service, method, headers);
  }

  async #goMicro(exchange: Exchange, goName: string): Promise<void> {
    refuseUnasked(exchange.request.headers, this.#p.options.cors);
    const { answerGoMicro } = await import("./go-micro/answer.ts");
    const { host, names } = this.#p;
    return answerGoMicro({ host, names, callers: this.#callers }, exchange, goName);
  }

  async #call(
    exchange: Exchange,
    service: string,
    method: string,
    headers: OutgoingHttpHeaders,
  ): Promise<void> {
    const { request, response } = exchange;
    const endpoint = this.#p.catalogue.find(service, method);
    checkMethod(request.method, endpoint);
    refuseUnasked(request.headers, this.#p.options.cors);
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new RpcError("CANCELLED", "the caller has gone"));
    });
    const options = {
      timeoutMs: timeoutOf(request.headers),
      metadata: metadataOf(request.headers, this.#metadata),
      signal: gone.signal,
    };
    const input = await readInput(exchange, endpoint);
    const lines = input instanceof BodyLines ? input : undefined;
    const { client, release } = this.#callers.take(credentialsOf(request.headers));
    let failure: unknown;
    try {
      const call = anyService(client, service).call(method, input, options);
      if (givesStream(endpoint))
        await sendStream(exchange, call, headers, this.#p.host.runtime.clock, () => lines?.fault);
      else await send(exchange, 200, headers, `${writeJson(await call)}\n`);
    } catch (error) {
      failure = error;
      throw lines?.fault ?? error;
    } finally {
      release(failure);
      void lines?.return();
    }
  }

  closed(): void {
    this.#callers.close();
  }
}

/** @throws HttpRefusal 404 */
function splitPath(path: string): readonly [service: string, method: string] {
  const [empty, service, method, ...more] = path.split("/");
  if (empty === "" && service && method && more.length === 0) {
    try {
      return [decodeURIComponent(service), decodeURIComponent(method)];
    } catch {
      // Said below.
    }
  }
  throw new HttpRefusal(
    404,
    "NOT_FOUND",
    `there is nothing at ${JSON.stringify(path.slice(0, 80))}: calls go to /service/method; /openapi.json lists them, /docs shows them`,
  );
}
