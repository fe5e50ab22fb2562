import type { Client } from "skein";
import type { LedgerApi } from "../programs/protocol.ts";
import { OpenLoad } from "../stage/open-load.ts";
import type { Stage } from "../stage/stage.ts";

export interface MixOptions {
  readonly ratePerSecond: number;
  readonly timeoutMs: number;
  /** How long handlers wait, ms. */
  readonly ms: () => number;
  /** One in so many calls is not idempotent. Not as many as there are instances: who takes turns would send all of them to one. @default 4 */
  readonly onceIn?: number;
  readonly prefix?: string;
}

/** Calls of service `ledger`, one in four of them not idempotent. */
export function mixedLoad(stage: Stage, client: Client, options: MixOptions): OpenLoad {
  const { ratePerSecond, timeoutMs, ms, onceIn = 4, prefix } = options;
  const api = client.service<LedgerApi>("ledger");
  return new OpenLoad(
    stage,
    ratePerSecond,
    (n) => {
      const method = n % onceIn === 0 ? "once" : "again";
      return {
        method,
        idempotent: method === "again",
        timeoutMs,
        send: (id) => api[method]({ id, ms: ms() }, { timeoutMs }),
      };
    },
    prefix,
  );
}
