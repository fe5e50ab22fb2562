import type { Endpoint, EndpointKind } from "../endpoint.ts";
import type { StandardSchema } from "../schema.ts";
import { methodNameFault } from "./names.ts";
import { optionsFault, type RpcOptions } from "./rpc-options.ts";

type Handler = Endpoint["handler"];

/**
 * An endpoint, its options checked.
 * @param method what to look at for its kind, where the options do not say it; @param handler what to call
 * @throws TypeError naming the method as `where` (`UserService.getUser`)
 */
export function createEndpoint(
  where: string,
  key: string,
  options: RpcOptions,
  method: unknown,
  handler: Handler,
): Endpoint {
  const fault = optionsFault(options);
  if (fault !== undefined) throw new TypeError(`${where} ${fault}`);
  const name = options.name ?? key;
  const nameFault = methodNameFault(name);
  if (nameFault !== undefined) throw new TypeError(`${where}: ${nameFault}`);
  const kind = options.kind ?? kindOf(method);
  return {
    name,
    kind,
    idempotent: options.idempotent ?? false,
    timeoutMs: options.timeoutMs,
    priority: options.priority ?? "normal",
    input: options.input as StandardSchema | undefined,
    output: options.output as StandardSchema | undefined,
    errors: options.errors,
    ...(options.limits !== undefined && { limits: options.limits }),
    handler: mayGiveStream(method, kind) ? oneAnswer(where, handler) : handler,
  };
}

/** Async generators are streams; what merely returns an iterable has to say so. */
function kindOf(method: unknown): EndpointKind {
  return tagOf(method) === "AsyncGeneratorFunction" ? "server-stream" : "unary";
}

/** An async function gives a promise; of any other only its result tells. */
function mayGiveStream(method: unknown, kind: EndpointKind): boolean {
  return (kind === "unary" || kind === "client-stream") && tagOf(method) !== "AsyncFunction";
}

function tagOf(method: unknown): string {
  return Object.prototype.toString.call(method).slice("[object ".length, -1);
}

/** Where types did not look (plain JavaScript, a generator lowered to a function): a stream from a method of one answer is named as such. */
function oneAnswer(where: string, handler: Handler): Handler {
  return (input, context) => {
    const result = handler(input, context) as Partial<AsyncIterable<unknown>> | null | undefined;
    if (typeof result?.[Symbol.asyncIterator] === "function")
      throw new TypeError(`${where} returned a stream: its kind has to be "server-stream" or "bidi-stream"`);
    return result;
  };
}
