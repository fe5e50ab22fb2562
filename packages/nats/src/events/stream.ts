import { isObject, type Json } from "@skein/registry/backend";
import { isRefusal } from "../jetstream/errors.ts";
import { nanos } from "../jetstream/nanos.ts";
import type { EventLink } from "./event-link.ts";
import { coversSubject, eventsBase } from "./event-subjects.ts";
import type { StreamTarget } from "./event-url.ts";
import { jetStreamFault } from "./jetstream-fault.ts";

/** Within this, an event with an id that was there already is not stored again, ms. */
const DUPLICATES_MS = 120_000;

/** Makes the stream of events where there is none. One that is there is left as it is: rejects where it does not hold our events. */
export async function ensureStream(link: EventLink, prefix: string, stream: StreamTarget): Promise<void> {
  const subject = `${eventsBase(prefix)}>`;
  const { name, maxAgeMs, replicas } = stream;
  const config = configOf(subject, maxAgeMs, replicas);
  const held = await explained(link, name, subject, async () => {
    const { jetStream } = link;
    return subjectsOf((await jetStream.findStream(name)) ?? (await jetStream.makeStream(name, config)));
  });
  if (held.some((wide) => coversSubject(wide, subject))) return;
  throw link.fault(
    "FAILED_PRECONDITION",
    `the stream ${name} holds ${held.join(", ") || "nothing"}, and not ${subject}: add that to its subjects, or give another name as stream=`,
  );
}

/** Makes a stream `NAME_DEAD` where none holds dead letters. */
export async function ensureDeadLetters(link: EventLink, stream: StreamTarget): Promise<void> {
  const subject = `${stream.dead}.>`;
  const name = `${stream.name}_DEAD`;
  const { jetStream } = link;
  await explained(link, name, subject, async () => {
    const { streams } = await jetStream.ask("STREAM.NAMES", { subject });
    for (const there of Array.isArray(streams) ? streams.map(String) : [])
      if (subjectsOf(await jetStream.findStream(there)).some((wide) => coversSubject(wide, subject))) return;
    await jetStream.makeStream(name, configOf(subject, 0, stream.replicas));
  });
}

const configOf = (subject: string, maxAgeMs: number, replicas: number): Json => ({
  subjects: [subject],
  retention: "limits",
  storage: "file",
  discard: "old",
  num_replicas: replicas,
  max_age: nanos(maxAgeMs),
  duplicate_window: nanos(maxAgeMs === 0 ? DUPLICATES_MS : Math.min(DUPLICATES_MS, maxAgeMs)),
});

async function explained<T>(
  link: EventLink,
  name: string,
  subject: string,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isRefusal(error, "subjectsOverlap")) throw jetStreamFault(link, `the stream ${name}`, error);
    throw link.fault(
      "FAILED_PRECONDITION",
      `the stream ${name} cannot be made: another holds subjects of ${subject} already. Name that one as stream=, or give a prefix= of its own`,
      "no",
      error,
    );
  }
}

function subjectsOf(stream: Json | undefined): readonly string[] {
  const { subjects } = isObject(stream?.config) ? stream.config : {};
  return Array.isArray(subjects) ? subjects.map(String) : [];
}
