import { RpcError, type Runtime } from "@skein/core";

const MOST_BYTES = 64 * 1024 * 1024;

export interface JsonQuestion {
  /** @default "GET" */
  readonly method?: string | undefined;
  /** With its query; begins with a slash. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is empty. */
  readonly body: unknown;
  /** The body as it came, for errors: its first line, cut. */
  readonly said: string;
}

/** Asks an HTTP server in JSON. Holds no policy: no retries, and any status is an answer. */
export class JsonClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #runtime: Pick<Runtime, "clock">;
  readonly #shown: string;
  readonly #open = new Set<AbortController>();
  #closed = false;

  /**
   * Throws INVALID_ARGUMENT for headers that cannot be sent, without what is in them: fetch() would tell.
   * @param base such as `http://127.0.0.1:8500`, without credentials
   * @param shown what errors call the server
   */
  constructor(
    base: string,
    options: {
      readonly runtime: Pick<Runtime, "clock">;
      readonly shown: string;
      readonly headers?: Readonly<Record<string, string>> | undefined;
    },
  ) {
    this.#base = base;
    this.#headers = options.headers ?? {};
    this.#runtime = options.runtime;
    this.#shown = options.shown;
    for (const [name, value] of Object.entries(this.#headers)) checkHeader(options.shown, name, value);
  }

  /** Rejects with UNAVAILABLE when the server cannot be reached or does not answer in time, and where the answer is no JSON although its status is 200. */
  async ask(question: JsonQuestion): Promise<JsonAnswer> {
    const { method = "GET", path, body, timeoutMs, signal } = question;
    if (this.#closed) throw new Error(`the client of ${this.#shown} is closed`);
    signal?.throwIfAborted();
    const abort = new AbortController();
    const what = `${method} ${path.split("?", 1)[0]}`;
    const stop = (): void => abort.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    const timer = this.#runtime.clock.setTimer(timeoutMs, () =>
      abort.abort(new RpcError("UNAVAILABLE", `${this.#shown}: ${what}: no answer within ${timeoutMs} ms`)),
    );
    this.#open.add(abort);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: { ...this.#headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal: abort.signal,
      });
      const text = await textOf(response);
      const answer = { status: response.status, headers: response.headers, said: firstLine(text) };
      return { ...answer, body: parsed(text, response.ok) };
    } catch (error) {
      if (abort.signal.aborted) throw abort.signal.reason;
      throw new RpcError("UNAVAILABLE", `${this.#shown}: ${what}: ${reasonOf(error)}`, { cause: error });
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", stop);
      this.#open.delete(abort);
    }
  }

  /** What is being asked rejects. */
  close(): void {
    this.#closed = true;
    for (const abort of this.#open) abort.abort(new Error(`the client of ${this.#shown} is closed`));
  }
}

function checkHeader(shown: string, name: string, value: string): void {
  try {
    new Headers([[name, value]]);
  } catch {
    throw new RpcError(
      "INVALID_ARGUMENT",
      `${shown}: the header ${name} cannot be sent: it has characters that none has`,
      { executed: "no" },
    );
  }
}

/** fetch() says no more than that it failed: its cause does. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return (error instanceof TypeError && (cause?.message || cause?.code)) || message;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body === null) return "";
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string, ok: boolean): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (ok) throw new Error(`the answer is no JSON: ${firstLine(text)}`, { cause });
    return undefined;
  }
}

const MOST_SAID = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROL = /[\x00-\x1f\x7f]+/g;
function firstLine(text: string): string {
  return (text.trim().split("\n", 1)[0] as string).replace(CONTROL, " ").slice(0, MOST_SAID);
}
