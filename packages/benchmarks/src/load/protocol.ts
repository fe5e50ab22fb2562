import type { ReplySize } from "./service.ts";

/**
 * What the harness and the processes it measures say to each other: a line of JSON on stdin; a line on stdout back, `@` and JSON, as anything
 * else in there may print lines too. One at a time. Both say `@{"ready":true}` first and end when stdin does. `peers/go/main.go` speaks it as well.
 */
export const ANSWER_MARK = "@";

export type Command =
  | { readonly cmd: "info" }
  | { readonly cmd: "usage" }
  | { readonly cmd: "closed"; readonly conc: number; readonly seconds: number; readonly kind: ReplySize }
  | { readonly cmd: "open"; readonly rate: number; readonly seconds: number; readonly kind: ReplySize }
  | { readonly cmd: "stream"; readonly seconds: number; readonly kind: ReplySize };

export interface Info {
  readonly stream: boolean;
}

export interface Usage {
  /** User and system time of the process since it began, microseconds. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** Microseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface LoadResult {
  /** Calls answered, or messages received. */
  readonly calls: number;
  readonly errors: number;
  readonly lastError?: string;
  /** Calls or messages a second. */
  readonly rate: number;
  /** Null from Go when there was none. */
  readonly latency?: LatencySummary | null;
}

export interface ErrorReply {
  readonly error: string;
}
