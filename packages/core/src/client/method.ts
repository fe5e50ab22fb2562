import type { EndpointInfo } from "../endpoint.ts";
import { MethodStats } from "../server/method-stats.ts";
import type { Hedging } from "./hedging.ts";
import type { MethodPolicy } from "./resolve-policy.ts";

/** A method as a client knows it: what HELLO told of it, and how its calls fare. One object, however many proxies name it. */
export class Method {
  readonly service: string;
  readonly name: string;
  readonly policy: MethodPolicy;
  readonly stats = new MethodStats();
  /** Undefined: no instance has told of it (yet). */
  info: EndpointInfo | undefined;
  givesStream = false;
  /** Undefined: its calls are not hedged. */
  hedging: Hedging | undefined;
  /** Items go in or out. */
  streaming = false;

  /** For its calls' [Symbol.asyncIterator] when it gives one answer. */
  refuseIteration: () => never = () => {
    throw new TypeError(`${this.service}.${this.name} gives one answer`);
  };

  constructor(service: string, name: string, policy: MethodPolicy) {
    this.service = service;
    this.name = name;
    this.policy = policy;
  }

  learn(info: EndpointInfo): void {
    this.info = info;
    this.givesStream = info.kind === "server-stream" || info.kind === "bidi-stream";
    this.streaming = info.kind !== "unary";
  }
}
