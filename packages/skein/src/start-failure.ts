import type { Logger } from "@skein/core";
import { SetupError } from "./setup-error.ts";

const failures = new WeakMap<object, (error: Error) => void>();
let watching = false;

/**
 * A start failed with `error`, which is about to be thrown. Where nobody catches it, one line says so and the process exits with 1, instead of Node's
 * stack of our innards. Programs that catch it, or that handle uncaughtException, are left alone.
 */
export function reportIfUncaught(error: Error, report: (error: Error) => void): Error {
  failures.set(error, report);
  if (!watching) {
    watching = true;
    process.on("uncaughtExceptionMonitor", exitOnFailure);
  }
  return error;
}

function exitOnFailure(error: unknown): void {
  const report = typeof error === "object" && error !== null ? failures.get(error) : undefined;
  if (report === undefined || process.listenerCount("uncaughtException") > 0) return;
  if (process.hasUncaughtExceptionCaptureCallback()) return;
  report(error as Error);
  process.exit(1);
}

/** On standard error where the log is silent. */
export function reportTo(logger: Logger, silent: boolean, what: string): (error: Error) => void {
  return (error) => {
    if (silent) process.stderr.write(`${what}: ${error.message}\n`);
    else logger.error(error instanceof SetupError ? {} : { err: error }, `${what}: ${error.message}`);
  };
}
