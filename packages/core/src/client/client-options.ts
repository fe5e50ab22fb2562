import type { CodecFactory } from "../codec.ts";
import type { CallContext } from "../context.ts";
import type { ForeignProtocol } from "../foreign/foreign-protocol.ts";
import type { Interceptor } from "../interceptor.ts";
import type { Registry } from "../registry.ts";
import type { ContextStore, Logger, Runtime } from "../runtime.ts";
import type { SelectorFactory } from "../selector.ts";
import type { ClientSession, ClientSessionOptions, SessionLimits } from "../session/client-session-types.ts";
import { resolveLimits } from "../session/limits.ts";
import type { Transport } from "../transport.ts";
import type { CallOptions } from "../types/call-options.ts";
import { checkPolicy } from "./check-policy.ts";
import type { Policy } from "./policy.ts";
import { compileRange } from "./semver-range.ts";

/** What all calls of a client default to. Its `timeoutMs` is for calls with one answer: streams have no deadline unless one is given nearer. */
export type CallDefaults = Omit<CallOptions, "signal" | "key">;

export interface ClientOptions extends CallDefaults {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly registry: Registry;
  /** How addresses are dialled, by scheme. */
  readonly transports: readonly Transport[];
  /** In order of preference. */
  readonly codecs: readonly CodecFactory[];
  readonly selector: SelectorFactory;
  /** Where the call that is being served is found: deadline, cancellation and trace are inherited from it. */
  readonly contextStore?: ContextStore<CallContext> | undefined;
  /** The first is the outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Sent to each instance in HELLO; a function is asked at each connection. */
  readonly credentials?: string | (() => string | Promise<string>) | undefined;
  readonly limits?: Partial<SessionLimits> | undefined;
  /** Others than ours, for `client.service(name, { protocol })`. @default none */
  readonly protocols?: readonly ForeignProtocol[] | undefined;
  /** How calls are tried, retried and hedged, and instances connected to. @default DEFAULT_POLICY */
  readonly policy?: Policy | undefined;
  /** Where it runs: instances of the same zone are preferred. @default not known */
  readonly zone?: string | undefined;
  /** Of the registry's leases, ms: for so many of them a doubtful removal is held. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/** For tests: what opens a session on a connection. */
export type CreateSession = (options: ClientSessionOptions) => ClientSession;

export interface ResolvedClientOptions extends ClientOptions {
  readonly interceptors: readonly Interceptor[];
  readonly policy: Policy;
}

/** Checks and fills in. Throws TypeError naming the field. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const wrong = (field: string, is: unknown, give: string): never => {
    throw new TypeError(`createClient: ${field} is ${show(is)}: give ${give}`);
  };
  const needs = (field: keyof ClientOptions, method: string, give: string): void => {
    const value = options[field] as Record<string, unknown> | undefined;
    if (typeof value !== "object" || value === null || typeof value[method] === "undefined")
      wrong(field, value, give);
  };
  needs("runtime", "clock", "a Runtime");
  needs("logger", "info", "a Logger (silentLogger for none)");
  needs("registry", "watch", "a Registry");
  list(options.transports, "transports", "dial", "at least one Transport", wrong);
  list(options.codecs, "codecs", "create", "at least one CodecFactory", wrong);
  if (typeof options.selector !== "function") wrong("selector", options.selector, "a SelectorFactory");
  if (options.contextStore !== undefined) needs("contextStore", "get", "a ContextStore");
  if (options.interceptors !== undefined && !everyFunction(options.interceptors))
    wrong("interceptors", options.interceptors, "an array of functions (next) => next");
  if (options.credentials !== undefined && !["string", "function"].includes(typeof options.credentials))
    wrong("credentials", typeof options.credentials, "a string, or a function that returns one");
  if (options.zone !== undefined && (typeof options.zone !== "string" || options.zone === ""))
    wrong("zone", options.zone, "a zone's name");
  duration(options.ttlMs, "ttlMs", wrong);
  if (options.protocols !== undefined && options.protocols?.length !== 0)
    list(options.protocols, "protocols", "service", "an array of ForeignProtocols", wrong);
  checkDefaults(options, "createClient");
  resolveLimits(options.limits);
  if (options.policy !== undefined) checkPolicy(options.policy, "createClient");
  return { ...options, interceptors: options.interceptors ?? [], policy: options.policy ?? {} };
}

/** What a client and a service may set for all of their calls. Throws TypeError naming the field. */
export function checkDefaults(given: CallOptions, where: string): void {
  const wrong = (field: string, is: unknown, give: string): never => {
    throw new TypeError(`${where}: ${field} is ${show(is)}: give ${give}`);
  };
  duration(given.timeoutMs, "timeoutMs", wrong);
  flag(given.idempotent, "idempotent", wrong);
  flag(given.waitForReady, "waitForReady", wrong);
  flag(given.retries, "retries", wrong);
  if (given.key !== undefined && typeof given.key !== "string") wrong("key", given.key, "a string");
  if (given.version !== undefined) {
    if (typeof given.version !== "string") wrong("version", given.version, 'a range like "^1"');
    compileRange(given.version);
  }
  const { metadata } = given;
  if (metadata === undefined) return;
  if (typeof metadata !== "object" || metadata === null) wrong("metadata", metadata, "an object of strings");
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== "string") wrong(`metadata.${key}`, value, "a string");
}

type Wrong = (field: string, is: unknown, give: string) => never;

function flag(value: unknown, field: string, wrong: Wrong): void {
  if (value !== undefined && typeof value !== "boolean") wrong(field, value, "true or false");
}

function duration(value: unknown, field: string, wrong: Wrong): void {
  if (value !== undefined && (typeof value !== "number" || !(value > 0)))
    wrong(field, value, "milliseconds, more than 0");
}

function list(value: unknown, field: string, method: string, give: string, wrong: Wrong): void {
  if (!Array.isArray(value) || value.length === 0) wrong(field, value, give);
  for (const one of value as Record<string, unknown>[])
    if (typeof one?.[method] !== "function") wrong(field, value, give);
}

function everyFunction(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "function");
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
