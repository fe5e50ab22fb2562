import { runCases } from "../case.ts";
import { transportCases } from "./cases.ts";
import type { TransportHarness } from "./pair.ts";

/** The suite for a transport, as vitest tests: call it at the top of a test file. */
export function transportConformance(name: string, harness: TransportHarness): void {
  runCases(`${name}: a transport`, transportCases, harness);
}
