import type { CodecFactory } from "@skein/core";
import { runCases } from "../case.ts";
import { type CodecAbility, codecCases } from "./cases.ts";

export interface CodecConformanceOptions {
  /** What the codec does not carry: reported as skipped. @default [] */
  readonly lacks?: readonly CodecAbility[] | undefined;
}

/** The suite for a codec, as vitest tests: call it at the top of a test file. */
export function codecConformance(
  name: string,
  factory: CodecFactory,
  options: CodecConformanceOptions = {},
): void {
  runCases(`${name}: a codec`, codecCases, factory, options.lacks);
}
