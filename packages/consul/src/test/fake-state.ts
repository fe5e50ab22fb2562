import type { Clock, Timer } from "@skein/core";
import { type FakeCheckType, FakeRefusal, type FakeService } from "./fake-registration.ts";

const REAP_EVERY_MS = 30_000;
const LEAST_DEREGISTER_MS = 60_000;

interface LocalCheck {
  readonly type: FakeCheckType;
  status: string;
  output: string;
  /** Monotonic ms. */
  criticalSince: number | undefined;
  timer: Timer | undefined;
}

interface Local {
  service: FakeService;
  check: LocalCheck | undefined;
}

/** What the servers know: what others can see. */
export interface Catalogued {
  readonly service: FakeService;
  readonly status: string | undefined;
  readonly output: string;
}

/**
 * An agent's own state, with its checks and its reaper, and the servers' catalog, to which changes go a little later: see fake-consul.ts.
 */
export class FakeState {
  readonly #clock: Clock;
  readonly #syncMs: number;
  readonly #local = new Map<string, Local>();
  readonly #catalog = new Map<string, Catalogued>();
  /** By service, as Raft counts. */
  readonly #indexes = new Map<string, number>();
  readonly #changed = new Set<() => void>();
  readonly #reaper: { timer: Timer };
  #index: number;
  /** When a service last ceased to be: the index of those that are not there. */
  #extinction: number;
  #sync: Timer | undefined;
  #ended = false;

  /** @param index what Raft begins to count from */
  constructor(clock: Clock, options: { readonly syncMs: number; readonly index: number }) {
    this.#clock = clock;
    this.#syncMs = options.syncMs;
    this.#index = options.index;
    this.#extinction = options.index;
    this.#reaper = { timer: this.#reapLater() };
  }

  get ids(): readonly string[] {
    return [...this.#local.keys()];
  }

  local(id: string): FakeService | undefined {
    return this.#local.get(id)?.service;
  }

  get catalogued(): readonly Catalogued[] {
    return [...this.#catalog.values()];
  }

  /** The agent keeps the state of a check that was there before. */
  register(service: FakeService): void {
    const before = this.#local.get(service.id);
    before?.check?.timer?.cancel();
    const type = service.check;
    const check: LocalCheck | undefined =
      type === undefined
        ? undefined
        : {
            type,
            status: before?.check?.status ?? type.status ?? "critical",
            output: before?.check?.output ?? "",
            criticalSince: before?.check?.criticalSince,
            timer: undefined,
          };
    const local: Local = { service, check };
    this.#local.set(service.id, local);
    if (check === undefined) return this.#syncSoon();
    this.#set(check, check.status, check.output);
    if (check.type.http === undefined) this.#startTtl(check);
    else this.#startHttp(check, Math.random() * check.type.intervalMs);
    this.#syncSoon();
  }

  /** @returns false: unknown */
  deregister(id: string): boolean {
    const local = this.#local.get(id);
    if (local === undefined) return false;
    local.check?.timer?.cancel();
    this.#local.delete(id);
    this.#syncSoon();
    return true;
  }

  /** @returns false: unknown */
  update(checkId: string, status: string, note: string): boolean {
    const local = this.#local.get(checkId.replace(/^service:/, ""));
    if (!checkId.startsWith("service:") || local?.check === undefined) return false;
    if (local.check.type.ttlMs === undefined)
      throw new FakeRefusal(`CheckID "${checkId}" does not have associated TTL`);
    this.#set(local.check, status, note);
    this.#startTtl(local.check);
    return true;
  }

  #startTtl(check: LocalCheck): void {
    check.timer?.cancel();
    const { ttlMs = 0 } = check.type;
    check.timer = this.#clock.setTimer(ttlMs, () => this.#set(check, "critical", "TTL expired"));
  }

  #startHttp(check: LocalCheck, inMs: number): void {
    check.timer = this.#clock.setTimer(inMs, async () => {
      const { http = "", timeoutMs, intervalMs } = check.type;
      const timer = check.timer;
      const status = await fetch(http, { signal: AbortSignal.timeout(timeoutMs) }).then(
        (r) => (r.ok ? "passing" : r.status === 429 ? "warning" : "critical"),
        () => "critical",
      );
      if (check.timer !== timer) return;
      this.#set(check, status, "");
      this.#startHttp(check, intervalMs);
    });
  }

  #set(check: LocalCheck, status: string, output: string): void {
    if (status !== "critical") check.criticalSince = undefined;
    else check.criticalSince ??= this.#clock.monotonic();
    if (check.status === status && check.output === output) return;
    // Consul puts off news of the output alone; so does it here, for ever.
    const news = check.status !== status;
    check.status = status;
    check.output = output;
    if (news) this.#syncSoon();
  }

  #reapLater(): Timer {
    return this.#clock.setTimer(REAP_EVERY_MS, () => {
      for (const [id, { check }] of [...this.#local]) {
        const { type, criticalSince } = check ?? {};
        if (type?.deregisterMs === undefined || criticalSince === undefined) continue;
        const after = Math.max(LEAST_DEREGISTER_MS, type.deregisterMs);
        if (this.#clock.monotonic() - criticalSince > after) this.deregister(id);
      }
      this.#reaper.timer = this.#reapLater();
    });
  }

  #syncSoon(): void {
    this.#sync ??= this.#clock.setTimer(this.#syncMs, () => {
      this.#sync = undefined;
      this.#syncNow();
    });
  }

  #syncNow(): void {
    for (const [id, { service }] of [...this.#catalog])
      if (!this.#local.has(id)) {
        this.#catalog.delete(id);
        this.#indexes.set(service.name, ++this.#index);
        if (![...this.#catalog.values()].some((c) => c.service.name === service.name))
          this.#extinct(service.name);
      }
    for (const [id, { service, check }] of this.#local) {
      const before = this.#catalog.get(id);
      if (before?.service === service && before.status === check?.status) continue;
      this.#catalog.set(id, { service, status: check?.status, output: check?.output ?? "" });
      this.#indexes.set(service.name, ++this.#index);
    }
    for (const changed of [...this.#changed]) changed();
  }

  #extinct(name: string): void {
    this.#indexes.delete(name);
    this.#extinction = this.#index;
  }

  indexOf(name: string): number {
    return this.#indexes.get(name) ?? this.#extinction;
  }

  /** Raft has gone on by itself: everything is as new as that. */
  raise(index: number): void {
    this.#index = index;
    this.#extinction = index;
    for (const name of this.#indexes.keys()) this.#indexes.set(name, index);
  }

  get index(): number {
    return this.#index;
  }

  /** Resolves once the index is higher than `index`, or when `signal` aborts. A higher one than there ever was waits in vain. */
  after(name: string, index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.indexOf(name) <= index && !signal.aborted && !this.#ended) return;
        this.#changed.delete(look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      this.#changed.add(look);
      signal.addEventListener("abort", look, { once: true });
      look();
    });
  }

  /** Ends all timers, and lets go whoever waits. */
  end(): void {
    this.#ended = true;
    for (const changed of [...this.#changed]) changed();
    this.#sync?.cancel();
    this.#reaper.timer.cancel();
    for (const { check } of this.#local.values()) check?.timer?.cancel();
  }
}
