import { serviceNameFault } from "../definition/names.ts";
import { nearNames } from "./near.ts";

/** What to give instead; undefined: it is right. */
type Rule = (value: unknown, path: string) => string | undefined;
type Fields = Readonly<Record<string, Rule>>;

const number =
  (fits: (value: number) => boolean, give: string): Rule =>
  (value) =>
    typeof value === "number" && fits(value) ? undefined : give;

const timeout = number((ms) => ms > 0, "milliseconds, more than 0");
const ms = number((value) => value > 0 && value < Number.POSITIVE_INFINITY, "milliseconds, more than 0");
const pause = number((value) => value >= 0 && value < Number.POSITIVE_INFINITY, "milliseconds, 0 or more");
const count = number((value) => Number.isInteger(value) && value >= 1, "a whole number, 1 or more");
const share = number((value) => value >= 0 && value <= 1, "a share, from 0 to 1");
const rate = number((value) => value >= 0 && value < Number.POSITIVE_INFINITY, "a number, 0 or more");
const flag: Rule = (value) => (typeof value === "boolean" ? undefined : "true or false");
const delay: Rule = (value, path) =>
  value === "p95" || pause(value, path) === undefined ? undefined : '"p95", or milliseconds, 0 or more';

const group =
  (fields: Fields): Rule =>
  (value, path) =>
    isObject(value) ? checkFields(value, fields, path) : `an object of ${Object.keys(fields).join(", ")}`;
const switchable =
  (fields: Fields): Rule =>
  (value, path) =>
    typeof value === "boolean"
      ? undefined
      : isObject(value)
        ? checkFields(value, fields, path)
        : `true, false, or an object of ${Object.keys(fields).join(", ")}`;
const named =
  (of: Fields, fault: (name: string) => string | undefined = () => undefined): Rule =>
  (value, path) => {
    if (!isObject(value)) return "an object of policies by name";
    for (const [name, policy] of Object.entries(value)) {
      const wrong = fault(name);
      if (wrong !== undefined) throw new TypeError(`${path}: ${wrong}`);
      check(policy, group(of), `${path}.${name}`);
    }
    return undefined;
  };

const CALL: Fields = {
  timeoutMs: timeout,
  idempotent: flag,
  waitForReady: flag,
  retries: switchable({ maxTries: count, backoffMs: pause, maxBackoffMs: pause }),
  hedge: switchable({ afterMs: delay, maxExtra: share }),
};
const TARGET: Fields = {
  ...CALL,
  retryBudget: group({ ratio: rate, perSecond: rate, windowMs: ms, losses: flag }),
  connect: group({ timeoutMs: ms, backoffMs: pause, maxBackoffMs: pause }),
  liveness: group({ quietMs: ms, suspectMs: ms, silentMs: ms, deadAfterMs: ms, idlePingMs: ms }),
  subset: switchable({ above: count, size: count }),
  ejection: switchable({
    consecutive: count,
    successRate: share,
    windowMs: ms,
    minCalls: count,
    backoffMs: pause,
    maxBackoffMs: pause,
    minAvailable: share,
  }),
  slowStart: switchable({ windowMs: ms, least: share }),
};
const SERVICE: Fields = { ...TARGET, methods: named(CALL) };
const CLIENT: Fields = { ...TARGET, services: named(SERVICE, serviceNameFault) };

/**
 * @param where in front of `policy`, for messages
 * @throws TypeError naming the field by its path, its value and what to give
 */
export function checkPolicy(policy: unknown, where: string): void {
  check(policy, group(CLIENT), `${where}: policy`);
}

function check(value: unknown, rule: Rule, path: string): void {
  const give = rule(value, path);
  if (give !== undefined) throw new TypeError(`${path} is ${show(value)}: give ${give}`);
}

/** Fields that are undefined were not given. */
function checkFields(value: Record<string, unknown>, fields: Fields, path: string): undefined {
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(fields, name))
      throw new TypeError(`${path}.${name} is not known${known(name, fields)}`);
    if (given !== undefined) check(given, fields[name] as Rule, `${path}.${name}`);
  }
}

function known(name: string, fields: Fields): string {
  const names = Object.keys(fields);
  const near = nearNames(name, names);
  const meant = near.length === 0 ? "" : `: did you mean ${near.join(" or ")}?`;
  return `${meant}${meant === "" ? ":" : ""} there are ${names.join(", ")}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
