import type { Registry } from "skein";

/** What commands need of the framework. open.ts makes one; tests make up theirs. */
export interface Backplane extends AsyncDisposable {
  readonly registry: Pick<Registry, "name" | "list" | "get" | "watch">;
  call(service: string, method: string, input: unknown, options: CallSettings): CallOutcome;
}

/** Await it (unary, client stream) or iterate it (server and bidirectional streams). */
export interface CallOutcome extends PromiseLike<unknown>, AsyncIterable<unknown> {}

export interface CallSettings {
  /** Milliseconds; undefined: the method's own, else the client's default. */
  readonly timeoutMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Semver range. */
  readonly version?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenOptions {
  /** URL; undefined: SKEIN_REGISTRY, else the machine's own. */
  readonly registry?: string | undefined;
  readonly namespace?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}
export type OpenBackplane = (options: OpenOptions) => Promise<Backplane>;
