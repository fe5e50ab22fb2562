import { isObject } from "@skein/registry/backend";
import { isRefusal } from "../../jetstream/errors.ts";
import { apiSubject, type JetStream } from "../../jetstream/jetstream.ts";

export interface LastMessage {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Deleted or purged: a marker is in its place. */
  readonly gone: boolean;
}

/** The newest of a subject; undefined where there is none. Rejects as JetStream does. */
export async function lastMessage(
  js: JetStream,
  stream: string,
  subject: string,
): Promise<LastMessage | undefined> {
  const verb = `STREAM.MSG.GET.${stream}`;
  try {
    const { message } = await js.ask(verb, { last_by_subj: subject });
    if (!isObject(message) || !Number.isSafeInteger(message.seq)) throw js.odd(apiSubject(verb));
    const bytes = Buffer.from(String(message.data ?? ""), "base64");
    const headers = Buffer.from(String(message.hdrs ?? ""), "base64").toString("latin1");
    const gone = /^KV-Operation:[ ]*(?:DEL|PURGE)\r?$|^Nats-Marker-Reason:/im.test(headers);
    return { sequence: message.seq as number, bytes, gone };
  } catch (error) {
    if (isRefusal(error, "noMessage")) return undefined;
    throw error;
  }
}
