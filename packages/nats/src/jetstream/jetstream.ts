import type { RpcError } from "@skein/core";
import type { Json } from "@skein/registry/backend";
import type { NatsHeaderEntries } from "../nats-port.ts";
import { readAnswer } from "./answer.ts";
import { isRefusal, JetStreamError } from "./errors.ts";
import type { Answer } from "./pending-questions.ts";

const NOTHING = new Uint8Array();
const utf8 = new TextEncoder();

/** The way of questions to a server. */
export interface QuestionWay {
  /** Rejects with an RpcError where no answer comes: in time, over a lost connection, or because the server does not permit the question. */
  ask(subject: string, bytes: Uint8Array, headers?: NatsHeaderEntries): Promise<Answer>;
  unavailable(cause: Error): RpcError;
}

export interface ConsumerConfig extends Json {
  /** Undefined: the server names it. */
  readonly name?: string | undefined;
  readonly filter_subject: string;
}

/** Subject of a question to JetStream: `STREAM.INFO.name`. */
export function apiSubject(verb: string): string {
  return `$JS.API.${verb}`;
}

/** JetStream's API in JSON over plain messages, so much of it as we need. All rejects with JetStreamError where JetStream says no, else as its way does. */
export class JetStream {
  readonly #way: QuestionWay;

  constructor(way: QuestionWay) {
    this.#way = way;
  }

  /** @param verb what stands after `$JS.API.` */
  ask(verb: string, body?: Json): Promise<Json> {
    const subject = apiSubject(verb);
    const bytes = body === undefined ? NOTHING : utf8.encode(JSON.stringify(body));
    return this.#ask(subject, bytes);
  }

  /** Resolves with the sequence that the stream gave it. */
  async publish(subject: string, bytes: Uint8Array, headers: NatsHeaderEntries): Promise<number> {
    const { seq } = await this.#ask(subject, bytes, headers);
    if (!Number.isSafeInteger(seq)) throw this.odd(subject);
    return seq as number;
  }

  async #ask(subject: string, bytes: Uint8Array, headers?: NatsHeaderEntries): Promise<Json> {
    const answer = await this.#way.ask(subject, bytes, headers);
    if (answer.nobody) throw new JetStreamError(503, `nobody takes ${subject}`);
    const value = readAnswer(answer.bytes);
    if (value === undefined) throw this.odd(subject);
    return value;
  }

  /** Somebody else has answered. */
  odd(subject: string): RpcError {
    return this.#way.unavailable(new Error(`what was answered to ${subject} is none of JetStream's answers`));
  }

  stream(name: string): Promise<Json> {
    return this.ask(`STREAM.INFO.${name}`);
  }

  /** Undefined where there is none. */
  findStream(name: string): Promise<Json | undefined> {
    return unlessRefused(this.stream(name), "noStream");
  }

  /** The one that others were quicker to make is left as it is. */
  async makeStream(name: string, config: Json): Promise<Json> {
    const made = this.ask(`STREAM.CREATE.${name}`, { name, ...config });
    return (await unlessRefused(made, "streamExists")) ?? (await this.stream(name));
  }

  /** Undefined where there is none. */
  findConsumer(stream: string, name: string): Promise<Json | undefined> {
    return unlessRefused(this.ask(`CONSUMER.INFO.${stream}.${name}`), "noConsumer");
  }

  /** One with a name is refused where there is one with other settings. */
  makeConsumer(stream: string, config: ConsumerConfig): Promise<Json> {
    const { name, filter_subject: filter } = config;
    const body = { stream_name: stream, config };
    if (name === undefined) return this.ask(`CONSUMER.CREATE.${stream}`, body);
    return this.ask(`CONSUMER.CREATE.${stream}.${name}.${filter}`, { ...body, action: "create" });
  }

  /** Not minded where it is gone, or cannot be asked for. */
  async deleteConsumer(stream: string, name: string): Promise<void> {
    await this.ask(`CONSUMER.DELETE.${stream}.${name}`).catch(() => {});
  }
}

async function unlessRefused(
  answer: Promise<Json>,
  kind: Parameters<typeof isRefusal>[1],
): Promise<Json | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRefusal(error, kind)) return undefined;
    throw error;
  }
}
