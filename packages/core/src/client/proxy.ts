import { methodNameFault } from "../definition/names.ts";
import type { CallOptions } from "../types/call-options.ts";
import type { CallObject } from "./call-object.ts";
import type { ServiceCaller } from "./service-caller.ts";

/** Asked of any object by test frameworks. */
const NEVER_METHOD = "asymmetricMatch";

type Method = (input?: unknown, options?: CallOptions) => CallObject;

/**
 * What client.service() returns: each method is made at its first use and stays as a property of the object; the Proxy behind it is
 * asked for new names only.
 */
export function createServiceProxy(caller: ServiceCaller): object {
  const made = new Map<string, Method>();
  const methodOf = (name: string): Method => {
    let call = made.get(name);
    if (call === undefined) {
      const method = caller.method(name);
      call = (input, options) => caller.call(method, input, options);
      made.set(name, call);
    }
    return call;
  };
  const lookup = new Proxy(Object.create(null) as object, {
    get(_, name) {
      // `then`, `toJSON` and their like are nobody's methods: an object that had them would be taken for something else.
      if (typeof name !== "string" || name === NEVER_METHOD || methodNameFault(name) !== undefined)
        return undefined;
      const value = methodOf(name);
      Object.defineProperty(service, name, { value });
      return value;
    },
  });
  const service = Object.create(lookup, {
    call: { value: (name: string, input?: unknown, options?: CallOptions) => methodOf(name)(input, options) },
  }) as object;
  return service;
}
