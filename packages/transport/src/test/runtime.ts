import { nodeRuntime } from "@skein/conformance/node";
import type { Clock, Runtime } from "@skein/core";

/** Node's own, with a clock that may be a fake one. */
export function testRuntime(clock: Clock = nodeRuntime.clock): Runtime {
  return { ...nodeRuntime, clock };
}
