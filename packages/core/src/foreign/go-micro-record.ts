import type { EndpointKind } from "../endpoint.ts";
import type { Instance } from "../instance.ts";
import { toGoName } from "./go-names.ts";

/** As Go Micro's records list a service's methods. */
export interface GoMicroEndpoint {
  /** `User.GetUser` */
  readonly name: string;
  readonly request: GoMicroValue;
  readonly response: GoMicroValue;
  /** `stream` is there for streams. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface GoMicroValue {
  readonly name: string;
  readonly type: string;
  readonly values: null;
}

interface Told {
  readonly name: string;
  readonly kind: EndpointKind;
}

/** By what stays the same in an instance whatever becomes of its status. */
const offered = new WeakMap<Instance["addresses"], readonly Told[]>();

/**
 * What an instance of this process offers: records of ours do not say it, Go Micro's do. Known to whoever has the instance, or a copy with the same
 * `addresses`.
 */
export function tellEndpoints(instance: Instance, endpoints: Iterable<Told>): void {
  const shown = [...endpoints].filter(({ name }) => !name.startsWith("$"));
  offered.set(
    instance.addresses,
    shown.map(({ name, kind }) => ({ name, kind })),
  );
}

/** For an instance's record in Go Micro's form: none where nobody told. */
export function goMicroEndpoints(instance: Instance, most = 1000): readonly GoMicroEndpoint[] {
  const told = offered.get(instance.addresses) ?? [];
  return told.slice(0, most).map(({ name, kind }) => ({
    name: toGoName(instance.service, name),
    request: { name: "Request", type: "Request", values: null },
    response: { name: "Response", type: "Response", values: null },
    metadata: kind === "unary" ? {} : { stream: "true" },
  }));
}

/** Why Go Micro's clients, who find an instance in their registry, cannot call it; undefined when they can. */
export function goMicroFault({ service, addresses }: Instance): string | undefined {
  const ours = addresses.some(({ protocol }) => protocol === "skein");
  const doors = addresses.some(({ protocol }) => protocol === "http" || protocol === "grpc");
  if (!ours || doors) return undefined;
  return `Go Micro's clients find ${service} in this registry and cannot call it: give serve() doors: ["http"], or ["grpc"]`;
}
