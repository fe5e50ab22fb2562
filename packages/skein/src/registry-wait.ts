import type { Logger, Runtime } from "@skein/core";
import { redactUrl } from "./config/redact.ts";
import { SetupError } from "./setup-error.ts";

/** How a start goes on when the registry does not answer. */
export interface RegistryWait {
  /** Then the start fails; ms. */
  readonly waitMs: number;
  /** True: it goes on all the same after a moment, and the registration follows. */
  readonly optional: boolean;
}

/** Long enough for any registry that is there, ms. */
const MOMENT_MS = 1000;

/**
 * Resolves once `announced` does; or, where the registry is optional, after a moment. Rejects when it cannot be reached for too long, saying why and
 * what to do.
 */
export async function awaitRegistry(
  announced: Promise<unknown>,
  wait: RegistryWait,
  about: {
    readonly registry: string;
    readonly runtime: Pick<Runtime, "clock">;
    readonly logger: Logger;
    readonly lastError: () => unknown;
  },
): Promise<void> {
  const { registry, runtime, logger, lastError } = about;
  const ms = wait.optional ? Math.min(MOMENT_MS, wait.waitMs) : wait.waitMs;
  let giveUp = (): void => {};
  const late = new Promise<"late">((resolve) => {
    giveUp = () => resolve("late");
  });
  const timer = runtime.clock.setTimer(ms, giveUp);
  try {
    if ((await Promise.race([announced, late])) !== "late") return;
  } finally {
    timer.cancel();
  }
  const error = lastError();
  const because = error instanceof Error ? redactUrl(error.message) : "it has not answered";
  if (!wait.optional)
    throw new SetupError(
      `the registry ${registry} did not take the registration within ${ms / 1000} s: ${because}. Start it, or set SKEIN_REGISTRY_OPTIONAL=true to serve without it until it comes (SKEIN_REGISTRY_WAIT is how long to wait)`,
      { cause: error },
    );
  // The registration goes on in the background, and ends with the process.
  announced.catch(() => {});
  logger.warn(
    { registry, err: error },
    "the registry does not have us yet: serving all the same, and trying on",
  );
}
