import type { SettleTimes } from "@skein/registry/backend";

/** Answers come 20 to 80 ms after a question; two questions have their chance. */
export const SETTLE: SettleTimes = { leastMs: 300, quietMs: 150, mostMs: 800 };
