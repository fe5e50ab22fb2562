import { createHash } from "node:crypto";
import { isSubject } from "../subjects.ts";

const TOKEN = "[A-Za-z0-9_-]+";
const NAME = new RegExp(`^${TOKEN}(?:\\.${TOKEN})*$`);
const PATTERN = new RegExp(`^(?:>|(?:${TOKEN}|\\*)(?:\\.(?:${TOKEN}|\\*))*(?:\\.>)?)$`);
const MOST = 200;

/** What stands before the names of events. */
export function eventsBase(prefix: string): string {
  return `${prefix}.events.`;
}

/** Throws an Error that shows a name that cannot be part of a subject. */
export function eventSubject(prefix: string, name: string): string {
  const subject = eventsBase(prefix) + name;
  if (name.length > MOST || !NAME.test(name) || !isSubject(subject))
    throw new Error(`${JSON.stringify(name)} cannot be an event's name on NATS: its subject would be wrong`);
  return subject;
}

/** As eventSubject, with wildcards. */
export function patternSubject(prefix: string, pattern: string): string {
  if (pattern.length > MOST || !PATTERN.test(pattern))
    throw new Error(`${JSON.stringify(pattern)} cannot be subscribed to on NATS: its subject would be wrong`);
  return eventsBase(prefix) + pattern;
}

/** The event's name in a subject; undefined where a stranger has published something that cannot be one. */
export function nameIn(prefix: string, subject: string): string | undefined {
  const base = eventsBase(prefix);
  const name = subject.slice(base.length);
  return subject.startsWith(base) && name.length <= MOST && NAME.test(name) ? name : undefined;
}

/**
 * Throws an Error that shows a name that cannot be one. Without wildcards, it is the queue's name: others may be of it. With wildcards it is one of
 * its own, as the server takes all of one queue for one, whatever they subscribe to.
 */
export function queueGroup(queue: string, pattern: string): string {
  if (queue.length > 128 || !NAME.test(queue))
    throw new Error(`${JSON.stringify(queue)} cannot be a queue's name on NATS`);
  return NAME.test(pattern) ? queue : `${queue}:${pattern}`;
}

/** Of the consumer that all share who give the same queue, prefix and pattern. */
export function durableName(queue: string, prefix: string, pattern: string): string {
  const hash = createHash("sha256").update(`${queue} ${prefix} ${pattern}`).digest("hex").slice(0, 10);
  return `${readable(queue)}-${readable(pattern)}-${hash}`;
}

function readable(text: string): string {
  return text
    .replaceAll(">", "all")
    .replaceAll("*", "any")
    .replace(/[^A-Za-z0-9_-]/g, "_")
    .slice(0, 48);
}

/** Whether every subject that `narrow` stands for is one that `wide` stands for. Both may have wildcards. */
export function coversSubject(wide: string, narrow: string): boolean {
  const a = wide.split(".");
  const b = narrow.split(".");
  for (let i = 0; i < a.length; i++) {
    if (a[i] === ">") return b.length > i;
    if (b[i] === undefined || b[i] === ">") return false;
    if (a[i] !== "*" && a[i] !== b[i]) return false;
  }
  return a.length === b.length;
}
