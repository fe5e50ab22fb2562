import { suggestion } from "../client/near.ts";
import type { EndpointKind } from "../endpoint.ts";
import type { ServiceDescription } from "../server/describe.ts";

/** An endpoint by our names. */
export interface OurName {
  readonly service: string;
  readonly method: string;
}

/**
 * What a door calls where a Go program says `Type.Method`. Undefined leaves the name to the rule (`findGoName`).
 * @param goName as it came
 */
export type GoNames = (goName: string, services: readonly ServiceDescription[]) => OurName | undefined;

export interface FoundName extends OurName {
  /** Undefined where a service does not tell its endpoints (a gateway's may not). */
  readonly kind: EndpointKind | undefined;
}

/** `service` and `method`: nothing has that name; `form`: it is not `Type.Method`. */
export interface UnknownName {
  readonly unknown: "service" | "method" | "form";
  /** `; did you mean User.GetUser?`, or nothing. */
  readonly hint: string;
}

/**
 * The endpoint a Go program means by `Type.Method`:
 * - What follows the last dot is the method, what is in front of it the type; of `pkg.User` the whole is looked for first, then `User`.
 * - In front of a type its service may be named whole, as Go Micro does: `billing.invoice.Invoice` is `billing.invoice`, whatever else there is.
 * - A type is the service whose name has the same letters and digits (`OrderItem` is `order-item`), with or without `Service` at its end.
 * - A method is the endpoint of that very name, else the one whose name differs in its first letter (`GetUser` is `getUser`), else the only one that
 *   differs in capitals (`HTTPStatus` is `httpStatus`).
 * Our own names (`user.getUser`) are found as well.
 */
export function findGoName(goName: string, services: readonly ServiceDescription[]): FoundName | UnknownName {
  const dot = goName.lastIndexOf(".");
  if (dot <= 0 || dot === goName.length - 1)
    return { unknown: "form", hint: ": give Type.Method, as in User.GetUser" };
  const method = goName.slice(dot + 1);
  const service = findService(goName.slice(0, dot), services);
  if (service === undefined) return { unknown: "service", hint: suggestion(goName, allNames(services)) };
  if (service.endpoints.length === 0)
    return { service: service.service, method: lowerFirst(method), kind: undefined };
  const endpoint = findEndpoint(method, service);
  if (endpoint === undefined) return { unknown: "method", hint: suggestion(goName, allNames([service])) };
  return { service: service.service, method: endpoint.name, kind: endpoint.kind };
}

/** How a Go program names an endpoint: `User.GetUser` for `user` and `getUser`, `OrderItem.Add` for `order-item`, `Invoice.Pay` for `billing.invoice`. */
export function toGoName(service: string, method: string): string {
  const type = service.slice(service.lastIndexOf(".") + 1);
  const words = type.split(/[-_]/).filter((word) => word !== "");
  return `${words.map(upperFirst).join("")}.${upperFirst(method)}`;
}

function findService(type: string, services: readonly ServiceDescription[]): ServiceDescription | undefined {
  const dot = type.lastIndexOf(".");
  const last = type.slice(dot + 1);
  const owner = dot <= 0 ? undefined : services.find(({ service }) => service === type.slice(0, dot));
  if (owner !== undefined && isTypeOf(last, owner.service)) return owner;
  for (const name of type === last ? [type] : [type, last]) {
    const plain = letters(name);
    const short = plain.replace(/service$/, "");
    const found =
      services.find(({ service }) => service === name) ??
      services.find(({ service }) => letters(service) === plain) ??
      services.find(({ service }) => short !== "" && letters(service) === short) ??
      services.find(({ service }) => letters(service) === `${plain}service`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isTypeOf(type: string, service: string): boolean {
  const own = letters(service.slice(service.lastIndexOf(".") + 1));
  const plain = letters(type);
  return plain === own || plain === `${own}service` || `${plain}service` === own;
}

function findEndpoint(
  method: string,
  { endpoints }: ServiceDescription,
): { readonly name: string; readonly kind: EndpointKind } | undefined {
  const first = lowerFirst(method);
  const named = endpoints.find(({ name }) => name === method) ?? endpoints.find(({ name }) => name === first);
  const alike = endpoints.filter(({ name }) => name.toLowerCase() === method.toLowerCase());
  const found = named ?? (alike.length === 1 ? alike[0] : undefined);
  return found === undefined ? undefined : { name: found.name, kind: found.kind as EndpointKind };
}

function* allNames(services: readonly ServiceDescription[]): Generator<string> {
  for (const { service, endpoints } of services)
    for (const { name } of endpoints) if (!name.startsWith("$")) yield toGoName(service, name);
}

/** Of a name in dots, the dots stay: `billing.invoice` is not `billinginvoice`. */
function letters(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}

function upperFirst(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
