import { runCases } from "../case.ts";
import { busCases } from "./cases.ts";
import type { BusHarness } from "./harness.ts";

/** The suite for an event bus, as vitest tests: call it in a test file that may run for 20 s a case (`.it.test.ts`, where it is real). */
export function busConformance(name: string, harness: BusHarness): void {
  const other = harness.delivery === "at-most-once" ? "at-least-once" : "at-most-once";
  const lacks = [other, ...(harness.maxPayloadBytes === undefined ? ["a known limit"] : [])];
  runCases(`${name}: an event bus (${harness.delivery})`, busCases, harness, lacks);
}
