/** One token between the dots of a subject. Neither space, CRLF, dot nor wildcard: the library behind writes subjects to the wire as they are. */
const TOKEN = /^[A-Za-z0-9_$-]{1,128}$/;
const SUBJECT = /^[A-Za-z0-9_$-]{1,128}(?:\.[A-Za-z0-9_$-]{1,128})*$/;
const MAX_SUBJECT = 255;

/** Of addresses: what stands before the subject. */
export const SCHEME = "nats";

/** Throws an Error that shows `token` escaped and says what may stand there. */
export function checkToken(token: string, what: string): string {
  if (TOKEN.test(token)) return token;
  throw new Error(`${JSON.stringify(token)} is no ${what}: give 1 to 128 letters, digits, "-", "_" or "$"`);
}

/** Whether it may be published to and subscribed to as it stands: no wildcards, at most 255 characters. */
export function isSubject(subject: string): boolean {
  return subject.length <= MAX_SUBJECT && SUBJECT.test(subject);
}

/** The subject of `nats://subject`; undefined for `nats:` and `nats://`. Throws an Error that names the address. */
export function parseAddress(address: string): string | undefined {
  const subject = /^nats:(?:\/\/)?([\s\S]*)$/.exec(address)?.[1];
  if (subject === "") return undefined;
  if (subject === undefined || !isSubject(subject))
    throw new Error(
      `${JSON.stringify(address)} is no address: give nats://subject, with letters, digits, "-", "_" and "$" between the dots`,
    );
  return subject;
}

export function formatAddress(subject: string): string {
  return `${SCHEME}://${subject}`;
}

/** Subjects of one process under `prefix`: its inbox, of which each connection has a token of its own. */
export interface Inbox {
  /** What to subscribe to. */
  readonly all: string;
  /** Where the other end of connection `id` publishes. With a message's number: where the server says that nobody took that one. */
  of(id: number, message?: number): string;
  /** The connection's id in a subject of ours; -1 where there is none. */
  idIn(subject: string): number;
  /** The message's number in it; undefined where there is none. */
  messageIn(subject: string): number | undefined;
  /** Whether a process of this kind made the subject: nothing is published to another that a peer has named. */
  isAnothers(subject: string | undefined): subject is string;
}

export function createInbox(prefix: string, process: string): Inbox {
  const own = `${prefix}.inbox.${checkToken(process, "name of a process")}.`;
  const anyones = new RegExp(
    `^${prefix.replace(/[.$]/g, "\\$&")}\\.inbox\\.[A-Za-z0-9_-]{1,128}\\.[0-9]{1,15}(?:-[0-9]{1,10})?$`,
  );
  return {
    all: `${own}*`,
    of: (id, message) => (message === undefined ? own + id : `${own}${id}-${message}`),
    idIn(subject) {
      const dash = subject.indexOf("-", own.length);
      const end = dash < 0 ? subject.length : dash;
      const id = subject.startsWith(own) ? Number(subject.slice(own.length, end)) : -1;
      return Number.isSafeInteger(id) ? id : -1;
    },
    messageIn(subject) {
      const dash = subject.indexOf("-", own.length);
      const number = dash < 0 ? Number.NaN : Number(subject.slice(dash + 1));
      return Number.isSafeInteger(number) ? number : undefined;
    },
    isAnothers: (subject): subject is string => subject !== undefined && anyones.test(subject),
  };
}
