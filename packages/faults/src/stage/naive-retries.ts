import type { Interceptor, Outcome } from "skein";

/** What many a service does by hand: tries again at once, whatever failed. */
export function naiveRetries(times: number): Interceptor {
  return (next) => (call) => {
    const go = async (left: number): Promise<unknown> => {
      try {
        return await (next(call) as Promise<unknown>);
      } catch (error) {
        if (left === 0) throw error;
        return await go(left - 1);
      }
    };
    return go(times) as Outcome;
  };
}
