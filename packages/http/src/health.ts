/** What the health endpoints ask; who serves answers. */
export interface HealthSource {
  /** False: this process should be restarted. */
  live(): boolean;
  /** Must settle by itself, in bounded time. */
  ready(): Promise<Readiness>;
}

export interface Readiness {
  /** True: calls may be sent here. */
  readonly ok: boolean;
  /** By name. Shown to whoever asks: no internals in them. */
  readonly checks: Readonly<Record<string, CheckResult>>;
}

export interface CheckResult {
  readonly ok: boolean;
  /** What is wrong, in a word or two. */
  readonly reason?: string | undefined;
  /** How long the check took. */
  readonly ms?: number | undefined;
}
