import { mapItems, validateInput } from "../definition/validate.ts";
import { type Call, isThenable, type ServedEndpoint } from "./served-service.ts";

/** As enter(), for stores that take one argument. */
export function enterCall(call: Call): unknown {
  return enter(call, call.endpoint);
}

/** Input is checked at the door, before interceptors and handler. */
export function enter(call: Call, endpoint: ServedEndpoint): unknown {
  const { definition } = endpoint;
  if (definition.input === undefined) return endpoint.invoke(call);
  if (endpoint.takesStream) {
    call.input = mapItems(call.input as AsyncIterable<unknown>, (item) => validateInput(definition, item));
    return endpoint.invoke(call);
  }
  const checked = validateInput(definition, call.input);
  if (isThenable(checked))
    return checked.then((input) => {
      call.input = input;
      return endpoint.invoke(call);
    });
  call.input = checked;
  return endpoint.invoke(call);
}
