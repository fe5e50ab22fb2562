import type { EventsClient as CoreEventsClient, EventsHub, Logger } from "@skein/core";
import { ambient } from "../ambient.ts";
import { type ConfigOptions, type Environment, resolveConfig, resolveLog } from "../config/resolve-config.ts";
import { type EventsConfigOptions, resolveEvents } from "../config/resolve-events.ts";
import { keepAlive } from "../keep-alive.ts";
import type { LogLevel } from "../logger/levels.ts";
import { loggerOf } from "../logger/logger-of.ts";
import { SetupError } from "../setup-error.ts";
import { reportIfUncaught, reportTo } from "../start-failure.ts";
import type { Events } from "./events-map.ts";
import { openEvents } from "./open-events.ts";

/** Publishes events and subscribes to them; those of `Events` are known by name. */
export type EventsClient = CoreEventsClient<Events>;

const STANDARD_ERROR = 2;

export interface CreateEventsOptions
  extends EventsConfigOptions,
    Pick<ConfigOptions, "registry" | "nats" | "log"> {
  /** False: what is published while serving a call does not inherit its trace, nor do handlers hand on that of their event. @default true */
  readonly context?: boolean | undefined;
}

/**
 * For programs that serve nothing: `await using events = createEvents(); await events.publish("user.created", { id })`. Services have
 * `app.events` and `@On`. Configured by options and environment (`SKEIN_EVENTS`). Once something is subscribed to, the process stays alive until
 * it is closed. Its log goes to standard error, as standard output is its program's.
 * @throws Error naming the option or variable that is wrong
 */
export function createEvents(options: CreateEventsOptions = {}): EventsClient {
  let log: LogLevel | Logger = "info";
  try {
    log = resolveLog(options, process.env);
    return stayingAlive(open(options, process.env));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw reportIfUncaught(
      error,
      reportTo(loggerOf(log, STANDARD_ERROR), log === "silent", "could not create events"),
    );
  }
}

function open(options: CreateEventsOptions, env: Environment): EventsHub<Events> {
  const { nats, log } = resolveConfig(options, env);
  const context = options.context !== false;
  if (context) ambient.use();
  return openEvents({
    target: resolveEvents(options, env, nats),
    codec: options.eventCodec,
    logger: loggerOf(log, STANDARD_ERROR),
    context,
  });
}

/** A subscription outlives whoever made it, and what is being published is published. What was refused, or is closed, keeps nobody alive. */
function stayingAlive(hub: EventsHub<Events>): EventsClient {
  let reasons = 0;
  let release: (() => void) | undefined;
  const whileIt = async <T>(lasts: Promise<T>): Promise<T> => {
    if (reasons++ === 0) release = keepAlive();
    try {
      return await lasts;
    } finally {
      if (--reasons === 0) release?.();
    }
  };
  let end = (): void => {};
  const closed = new Promise<void>((resolve) => {
    end = resolve;
  });
  const close = async (): Promise<void> => {
    try {
      await whileIt(hub.close());
    } finally {
      end();
    }
  };
  return {
    publish: (...given: never[]) => whileIt((hub.publish as Loose<"publish">)(...given)),
    async subscribe(...given: never[]) {
      const subscription = await whileIt((hub.subscribe as Loose<"subscribe">)(...given));
      void whileIt(closed);
      return subscription;
    },
    report: () => hub.report(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
type Loose<K extends "publish" | "subscribe"> = (...given: never[]) => ReturnType<EventsClient[K]>;
