import { RpcError, type Runtime } from "@skein/core";
import type { QuestionWay } from "../../jetstream/jetstream.ts";
import { type Answer, PendingQuestions } from "../../jetstream/pending-questions.ts";
import type { NatsHeaderEntries } from "../../nats-port.ts";
import type { Link, Question } from "../link.ts";

/** A question to JetStream that has no answer after so long has failed, ms. */
const ANSWER_MS = 2000;

/** Over a registry's link. All ends within 2 s: it rejects with PERMISSION_DENIED where the server does not permit it, else with UNAVAILABLE. */
export class KvQuestions implements QuestionWay {
  readonly #link: Link;
  readonly #pending: PendingQuestions;

  constructor(link: Link, runtime: Runtime) {
    this.#link = link;
    this.#pending = new PendingQuestions(runtime.clock);
  }

  /** No answer will come to what was asked before. */
  disconnected(error: Error): void {
    this.#pending.fail(() => error);
  }

  denied(subject: string): void {
    const text = `the registry ${this.#link.name}: the server does not let us publish to ${subject}`;
    this.#pending.denied(subject, () => new RpcError("PERMISSION_DENIED", text, { executed: "no" }));
  }

  unavailable(cause: Error): RpcError {
    return this.#link.unavailable(cause);
  }

  async ask(subject: string, bytes: Uint8Array, headers?: NatsHeaderEntries): Promise<Answer> {
    const link = this.#link;
    if (!link.connected) throw link.unavailable(new Error("there is no connection now"));
    let question: Question | undefined;
    const send = (id: number): void => {
      question = link.question(subject, (answer, nobody) =>
        this.#pending.answered(id, { bytes: answer, nobody }),
      );
      try {
        question.ask(bytes, headers);
      } catch (error) {
        throw link.unavailable(error);
      }
    };
    const late = (): Error =>
      link.refused ??
      link.unavailable(new Error(`JetStream did not answer ${subject} within ${ANSWER_MS} ms`));
    try {
      return await this.#pending.ask({ subject, timeoutMs: ANSWER_MS, send, late });
    } finally {
      question?.end();
    }
  }
}
