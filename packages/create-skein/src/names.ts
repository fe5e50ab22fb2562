import { Refusal } from "./refusal.ts";

/** The forms of a service's name that templates use, by their placeholder. */
export interface ServiceNames {
  /** As announced: `line-items`. */
  readonly name: string;
  /** Of its class, without the suffix `Service`: `LineItems`. */
  readonly Class: string;
  /** Of a client's variable: `lineItems`. */
  readonly variable: string;
  /** One of what it keeps: `LineItem`. */
  readonly Entity: string;
  /** The same in prose: `line item`. */
  readonly entity: string;
  /** Several of them: `LineItems`. */
  readonly Entities: string;
}

/** Narrower than what a registry takes: also a file's and, in another case, a class's name. */
const SERVICE_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const MAX_NAME = 63;
/** Files of the project have these names. */
const RESERVED = new Set(["main", "client", "services", "service", "contract", "skein"]);

/** What a variable cannot be called (ECMA-262, 12.7.2, in strict code), and what templates call something else. */
const TAKEN_VARIABLES = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for " +
    "function if implements import in instanceof interface let new null package private protected public return static super switch this " +
    "throw true try typeof undefined var void while with yield " +
    "ada client cluster console created createClient createCluster expect listed name one process start test"
  ).split(" "),
);
/** Types that templates use. */
const TAKEN_TYPES = new Set([
  "AsyncGenerator",
  "AsyncIterable",
  "Map",
  "Promise",
  "Rpc",
  "RpcError",
  "Service",
  "Symbol",
]);

/** @throws Refusal (2) that says what a right name would be */
export function serviceNames(name: string): ServiceNames {
  const trimmed = name.trim();
  if (!SERVICE_NAME.test(trimmed) || trimmed.length > MAX_NAME) {
    const better = suggestName(trimmed);
    throw new Refusal(
      `"${trimmed}" is no service name: lower-case words joined by "-", starting with a letter, up to ${MAX_NAME} characters` +
        (better === undefined ? ", such as user or line-items." : `. Try ${better}.`),
      2,
    );
  }
  if (RESERVED.has(trimmed))
    throw new Refusal(
      `"${trimmed}" is taken by the project itself. Name the service for what it keeps: user, orders.`,
      2,
    );
  const words = trimmed.split("-");
  const last = words.at(-1) ?? trimmed;
  const one = [...words.slice(0, -1), singular(last)];
  const Class = pascal(words);
  const variable = lowerFirst(Class);
  const Entity = pascal(one);
  const taken = TAKEN_TYPES.has(Entity);
  return {
    name: trimmed,
    Class,
    variable: TAKEN_VARIABLES.has(variable) ? `${variable}Service` : variable,
    Entity: taken ? `${Entity}Item` : Entity,
    entity: one.join(" "),
    Entities: taken ? `${Entity}Items` : pascal([...words.slice(0, -1), plural(singular(last))]),
  };
}

/** The npm package name of a project. @throws Refusal (2) that says what a right name would be */
export function projectName(name: string): string {
  if (/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/.test(name) && name.length <= 214) return name;
  const better = suggestName(name);
  throw new Refusal(
    `"${name}" is no package name: lower-case letters, digits, "-", "." and "_"` +
      (better === undefined ? "." : `. Try --name ${better}.`),
    2,
  );
}

/** The nearest right name: `OrderItems` → `order-items`; undefined where nothing of it can be kept. */
export function suggestName(name: string): string | undefined {
  const suggestion = name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[-0-9]+|-+$/g, "")
    .slice(0, MAX_NAME)
    .replace(/-+$/, "");
  return SERVICE_NAME.test(suggestion) ? suggestion : undefined;
}

/** English's regular endings only: a name it gets wrong still compiles. */
function singular(word: string): string {
  if (/(ss|us|is|news)$/.test(word) || word.length < 3) return word;
  if (/[^aeiou]ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (/(ch|sh|x|ss)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith("s") ? word.slice(0, -1) : word;
}

function plural(word: string): string {
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(ch|sh|x|s)$/.test(word) ? `${word}es` : `${word}s`;
}

function pascal(words: readonly string[]): string {
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

function lowerFirst(word: string): string {
  return word.slice(0, 1).toLowerCase() + word.slice(1);
}
