import type { EndpointDescription, Instance, ServiceSummary, Snapshot } from "skein";
import type { Backplane, CallOutcome, CallSettings, OpenOptions } from "../src/backplane.ts";
import type { CliClock, CliIo } from "../src/io.ts";
import { runCli } from "../src/run.ts";

export const STARTED = Date.parse("2026-11-01T12:00:00Z");

/** Time that passes only where a test or a call lets it. */
export class ManualClock implements CliClock {
  #ms = 0;
  readonly #timers = new Set<{ readonly ms: number; readonly fire: () => void; next: number }>();

  now = (): number => STARTED + 180_000 + this.#ms;
  monotonic = (): number => this.#ms;
  pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  every = (ms: number, fire: () => void): (() => void) => {
    const timer = { ms, fire, next: this.#ms + ms };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  advance(ms: number): void {
    const until = this.#ms + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ next }) => next <= until).sort((a, b) => a.next - b.next)[0];
      if (due === undefined) break;
      this.#ms = due.next;
      due.next += due.ms;
      due.fire();
    }
    this.#ms = until;
  }

  get timers(): number {
    return this.#timers.size;
  }
}

/** A pipe or a terminal that keeps what is written; `until` resolves when a text has been. */
export class Screen {
  text = "";
  readonly #waiting: { readonly wanted: string; readonly found: () => void }[] = [];
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write = async (text: string): Promise<void> => {
    this.text += text;
    for (const { wanted, found } of this.#waiting) if (this.text.includes(wanted)) found();
  };

  until(wanted: string): Promise<void> {
    if (this.text.includes(wanted)) return Promise.resolve();
    return new Promise((found) => this.#waiting.push({ wanted, found }));
  }
}

export interface Call {
  readonly service: string;
  readonly method: string;
  readonly input: unknown;
  readonly settings: CallSettings;
}

/** What a fake service answers: a value, a promise, an async iterable, or a throw. */
export type Answer = (call: Call) => unknown;

/** A registry and services that a test makes up. */
export class FakeBackplane implements Backplane {
  readonly calls: Call[] = [];
  readonly opened: OpenOptions[] = [];
  closed = 0;
  instances: Instance[] = [];
  endpoints: EndpointDescription[] = [];
  answers: Record<string, Answer> = {};
  #snapshots: { readonly service: string; readonly push: (snapshot: Snapshot) => void }[] = [];

  readonly registry = {
    name: "local:/run/skein",
    list: async (): Promise<ServiceSummary[]> => {
      const names = [...new Set(this.instances.map((one) => one.service))].sort();
      return names.map((name) => {
        const own = this.instances.filter((one) => one.service === name);
        return { name, versions: [...new Set(own.map((one) => one.version))], instances: own.length };
      });
    },
    get: async (service: string): Promise<Snapshot> => this.#snapshot(service),
    watch: (service: string, options: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> =>
      this.#watch(service, options.signal),
  };

  call(service: string, method: string, input: unknown, settings: CallSettings): CallOutcome {
    this.calls.push({ service, method, input, settings });
    const answer = (): unknown => {
      if (method === "$describe" && this.answers.$describe === undefined)
        return { service, version: settings.version ?? "1.0.0", endpoints: this.endpoints };
      return this.answers[method]?.({ service, method, input, settings });
    };
    return {
      // biome-ignore lint/suspicious/noThenProperty: a call is awaitable
      then: (resolved, rejected) => new Promise((resolve) => resolve(answer())).then(resolved, rejected),
      [Symbol.asyncIterator]: () => (answer() as AsyncIterable<unknown>)[Symbol.asyncIterator](),
    };
  }

  /** Tells watchers what `instances` now holds, or a snapshot of one's own. */
  publish(snapshot?: Partial<Snapshot>): void {
    for (const { service, push } of this.#snapshots) push({ ...this.#snapshot(service), ...snapshot });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed++;
  }

  #snapshot(service: string): Snapshot {
    return { instances: this.instances.filter((one) => one.service === service), revision: 1 };
  }

  async *#watch(service: string, signal: AbortSignal): AsyncGenerator<Snapshot> {
    const pending = [this.#snapshot(service)];
    let wake = (): void => {};
    const push = (snapshot: Snapshot): void => {
      pending.push(snapshot);
      wake();
    };
    this.#snapshots.push({ service, push });
    signal.addEventListener("abort", () => wake());
    while (!signal.aborted) {
      const next = pending.shift();
      if (next === undefined)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      else yield next;
    }
    this.#snapshots = this.#snapshots.filter((one) => one.push !== push);
  }

  get watches(): number {
    return this.#snapshots.length;
  }
}

export function instance(service: string, port: number, more: Partial<Instance> = {}): Instance {
  return {
    service,
    version: "1.0.0",
    id: `${service}-${port}`,
    addresses: [{ protocol: "skein", url: `tcp://127.0.0.1:${port}` }],
    weight: 1,
    status: "serving",
    startedAt: new Date(STARTED).toISOString(),
    metadata: {},
    ...more,
  };
}

export function endpoint(name: string, more: Partial<EndpointDescription> = {}): EndpointDescription {
  return { name, kind: "unary", idempotent: true, timeoutMs: null, priority: "normal", ...more };
}

export interface HarnessOptions {
  readonly tty?: boolean;
  readonly env?: Record<string, string>;
  readonly stdin?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The command line around a FakeBackplane. */
export function harness(options: HarnessOptions = {}) {
  const backplane = new FakeBackplane();
  const clock = new ManualClock();
  const stdout = new Screen(options.tty ?? false);
  const stderr = new Screen(options.tty ?? false);
  const interrupt = new AbortController();
  const io: CliIo = {
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    async *stdinLines() {
      yield* options.stdin ?? [];
    },
    readFile: async (path) => {
      const text = options.files?.[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    interrupted: interrupt.signal,
    clock,
  };
  const open = async (wanted: OpenOptions) => {
    backplane.opened.push(wanted);
    return backplane;
  };
  const run = (...argv: string[]) => runCli(argv, io, { open, version: "9.9.9" });
  return { backplane, clock, stdout, stderr, interrupt, run };
}
