import type { SimulatedService, SimulationOptions } from "./options.ts";

type Known<T> = Record<keyof T, (value: unknown) => string | undefined>;

const number =
  (fits: (value: number) => boolean, give: string) =>
  (value: unknown): string | undefined =>
    typeof value === "number" && fits(value) ? undefined : give;
const optional =
  (check: (value: unknown) => string | undefined) =>
  (value: unknown): string | undefined =>
    value === undefined ? undefined : check(value);
const fn = (value: unknown): string | undefined => (typeof value === "function" ? undefined : "a function");
const anything = (): undefined => undefined;
const count = number((n) => Number.isSafeInteger(n) && n >= 1, "a whole number, 1 or more");
const forMs = (least: string, fits: (ms: number) => boolean): ((value: unknown) => string | undefined) =>
  number((ms) => ms < Number.POSITIVE_INFINITY && fits(ms), `milliseconds, ${least}`);

const SIMULATION: Known<SimulationOptions> = {
  seed: number((n) => Number.isSafeInteger(n) && n >= 0, "a whole number, 0 or more"),
  services: (value) => (Array.isArray(value) && value.length > 0 ? undefined : "a list of services"),
  clients: optional(count),
  clientOptions: anything,
  durationMs: optional(forMs("0 or more", (ms) => ms >= 0)),
  // Faults have rules of their own: see resolveFaults.
  faults: anything,
  ttlMs: optional(forMs("more than 0", (ms) => ms > 0)),
  body: fn,
  ports: optional(fn),
};
const SERVICE: Known<SimulatedService> = {
  name: (value) =>
    typeof value === "string" && value !== "" && value !== "client"
      ? undefined
      : 'a name, other than "client"',
  copies: optional(count),
  start: fn,
  serverOptions: anything,
};

/** @throws TypeError when an option is wrong, naming it */
export function checkOptions(options: SimulationOptions): void {
  check(options, SIMULATION, "");
  const names = new Set<string>();
  options.services.forEach((service, i) => {
    check(service, SERVICE, `services[${i}].`);
    if (names.has(service.name))
      throw new TypeError(
        `simulate: services[${i}].name is "${service.name}", as that of another one: give copies`,
      );
    names.add(service.name);
  });
}

function check<T extends object>(given: T, known: Known<T>, path: string): void {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(known, name))
      throw new TypeError(
        `simulate: ${path}${name} is not known: there are ${Object.keys(known).join(", ")}`,
      );
  for (const name of Object.keys(known) as (keyof T & string)[]) {
    const give = known[name](given[name]);
    if (give !== undefined)
      throw new TypeError(`simulate: ${path}${name} is ${show(given[name])}: give ${give}`);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : Array.isArray(value) ? "an empty list" : String(value);
}
