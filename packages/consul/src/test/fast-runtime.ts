import { nodeRuntime } from "@skein/conformance/node";
import type { Runtime } from "@skein/core";

/** As nodeRuntime, with time going by so many times as fast. */
export function fastRuntime(times: number): Runtime {
  const { clock } = nodeRuntime;
  const fast = {
    now: () => clock.monotonic() * times + 1_700_000_000_000,
    monotonic: () => clock.monotonic() * times,
    fresh: () => clock.monotonic() * times,
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms / times, fire),
  };
  return { ...nodeRuntime, clock: fast };
}
