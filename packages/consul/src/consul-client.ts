import { RpcError, type Runtime } from "@skein/core";
import { type JsonAnswer, JsonClient } from "@skein/registry/backend";
import type { ConsulTarget } from "./consul-url.ts";
import { type Lane, RequestBudget } from "./request-budget.ts";

export interface ConsulQuestion {
  /** @default "GET" */
  readonly method?: "GET" | "PUT" | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** @default that of the URL */
  readonly timeoutMs?: number | undefined;
  /** @default "lease" */
  readonly lane?: Lane | undefined;
}

/** The agent's answer was no 200. */
export class ConsulError extends RpcError {
  readonly status: number;
  /** What the agent said, cut. */
  readonly said: string;

  constructor(shown: string, what: string, answer: JsonAnswer) {
    const hint = answer.status === 403 ? `: ${DENIED}` : "";
    super("UNAVAILABLE", `${shown}: ${what}: Consul answered ${answer.status} ${answer.said}${hint}`);
    this.status = answer.status;
    this.said = answer.said;
  }
}

/** The agent has no such service or check: 404 today, of old a 500 that says so. */
export function isUnknown({ status, said }: Pick<JsonAnswer, "status" | "said">): boolean {
  return (
    (status === 404 && /unknown (check|service)/i.test(said)) ||
    (status === 500 && /unknown (check|service)|does not have associated TTL/i.test(said))
  );
}

const DENIED =
  "the URL's token (consul://token@host) must be known and allow service:write for what is registered, service:read and node:read for what is looked up";

/** An agent's HTTP API: one budget for all that is asked, errors that say what was. */
export class ConsulClient {
  readonly shown: string;
  readonly #client: JsonClient;
  readonly #budget: RequestBudget;
  readonly #dc: string | undefined;
  readonly #timeoutMs: number;

  constructor(target: ConsulTarget, runtime: Runtime) {
    const { name, base, token, dc, timeoutMs } = target;
    this.shown = name;
    this.#dc = dc;
    this.#timeoutMs = timeoutMs;
    this.#budget = new RequestBudget(runtime);
    const headers = token === undefined ? {} : { "x-consul-token": token };
    this.#client = new JsonClient(base, { runtime, shown: name, headers });
  }

  /** Rejects with ConsulError for any status but 200, and with UNAVAILABLE when there is no answer. */
  async ask(question: ConsulQuestion): Promise<JsonAnswer> {
    const { method = "GET", path, body, signal, timeoutMs = this.#timeoutMs, lane = "lease" } = question;
    // Agents register for themselves only: a datacenter is for questions.
    const query = { dc: method === "GET" ? this.#dc : undefined, ...question.query };
    const asked = `${path}${queryOf(query)}`;
    await this.#budget.take(lane, signal);
    let well = false;
    try {
      const answer = await this.#client.ask({ method, path: asked, body, timeoutMs, signal });
      // That there is no such check or service is an answer.
      well = answer.status === 200 || isUnknown(answer);
      if (answer.status !== 200) throw new ConsulError(this.shown, `${method} ${path}`, answer);
      return answer;
    } finally {
      this.#budget.answered(lane, signal?.aborted === true ? undefined : well);
    }
  }

  /** What was answered well did not work all the same: no more than ten a second, see RequestBudget. */
  failed(): void {
    this.#budget.failed();
  }

  /** What is being asked rejects. */
  close(): void {
    this.#client.close();
  }
}

function queryOf(query: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}
