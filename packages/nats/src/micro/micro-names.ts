import { isSubject } from "../subjects.ts";

/** Of services, endpoints and ids: a token of a subject without "$". */
const NAME = /^[A-Za-z0-9_-]{1,128}$/;
const SEMVER =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/;
const SHORT = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?$/;
/** Where requests ask to be answered: no wildcard, nothing that ends a line, and none of the server's own subjects. */
const REPLY = /^[^\s.*>$][^\s.*>]*(?:\.[^\s.*>]+)*$/;
const MAX_REPLY = 512;

export const VERBS = ["PING", "INFO", "STATS"] as const;
export type Verb = (typeof VERBS)[number];

export function isMicroName(name: unknown): name is string {
  return typeof name === "string" && NAME.test(name);
}

/** A name of ours as the protocol allows it: `billing.invoice` is `billing_invoice`. Undefined: it is none. */
export function microName(name: string): string | undefined {
  const made = name.replaceAll(".", "_");
  return NAME.test(made) ? made : undefined;
}

/** A version of ours as the protocol wants it, a semantic one: `v1` is 1.0.0, a word 0.0.0. */
export function microVersion(version: string): string {
  if (SEMVER.test(version)) return version;
  const [, ...numbers] = SHORT.exec(version) ?? [];
  return [0, 1, 2].map((i) => Number(numbers[i] ?? 0)).join(".");
}

/** Subjects that are asked for a verb: of everybody, of a service, of an instance. */
export function verbSubjects(verb: Verb, name: string, id: string): readonly string[] {
  return [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`];
}

/**
 * Of an endpoint: `user.getUser`, `shop.user.getUser` with something in front. Undefined: they make no subject.
 * @param front prefix and namespace, as far as there are any
 */
export function endpointSubject(
  front: readonly string[],
  service: string,
  method: string,
): string | undefined {
  const subject = [...front, service, method].join(".");
  return isSubject(subject) && !subject.startsWith("$") ? subject : undefined;
}

/** Whether requests may be sent to a subject that a peer has named: one we could have made ourselves, and none of the server's own. */
export function isEndpointSubject(subject: unknown): subject is string {
  return typeof subject === "string" && isSubject(subject) && !subject.startsWith("$");
}

/** Whether an answer may go where a peer wants it. */
export function isReply(subject: string | undefined): subject is string {
  return subject !== undefined && subject.length <= MAX_REPLY && REPLY.test(subject);
}
