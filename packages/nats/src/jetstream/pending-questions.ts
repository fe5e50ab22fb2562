import type { Runtime } from "@skein/core";
import type { NatsMessage } from "../nats-port.ts";

/** The one answer to a question. `nobody`: none will come. */
export type Answer = Pick<NatsMessage, "bytes" | "nobody">;

interface Pending {
  readonly subject: string;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export interface PendingQuestion {
  readonly subject: string;
  readonly timeoutMs: number;
  /** Sends it; what it throws is what the question rejects with. */
  send(id: number): void;
  /** Why there is no answer after `timeoutMs`. */
  late(): Error;
}

/** Questions that wait for their one answer each. */
export class PendingQuestions {
  readonly #clock: Runtime["clock"];
  readonly #pending = new Map<number, Pending>();
  #asked = 0;

  constructor(clock: Runtime["clock"]) {
    this.#clock = clock;
  }

  ask({ subject, timeoutMs, send, late }: PendingQuestion): Promise<Answer> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#pending.delete(id);
        timer.cancel();
      };
      const pending: Pending = {
        subject,
        resolve(answer) {
          end();
          resolve(answer);
        },
        reject(error) {
          end();
          reject(error);
        },
      };
      const timer = this.#clock.setTimer(timeoutMs, () => pending.reject(late()));
      this.#pending.set(id, pending);
      try {
        send(id);
      } catch (error) {
        pending.reject(error as Error);
      }
    });
  }

  answered(id: number, answer: Answer): void {
    this.#pending.get(id)?.resolve(answer);
  }

  /** No answer will come to any. */
  fail(error: () => Error): void {
    for (const { reject } of [...this.#pending.values()]) reject(error());
  }

  /** The server did not permit what was published to `subject`. */
  denied(subject: string, error: () => Error): void {
    for (const pending of [...this.#pending.values()])
      if (pending.subject === subject) pending.reject(error());
  }
}
