export type { Backplane, CallOutcome, CallSettings, OpenBackplane, OpenOptions } from "./backplane.ts";
export type { CliClock, CliIo, Output } from "./io.ts";
export { runCli } from "./run.ts";
