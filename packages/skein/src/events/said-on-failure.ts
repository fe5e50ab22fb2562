import type { Logger } from "@skein/core";

/** Whoever leaves has no use for a bus that fails. */
export async function saidOnFailure(leaving: Promise<void>, logger: Logger): Promise<void> {
  try {
    await leaving;
  } catch (error) {
    logger.warn({ err: error }, "events could not be left in order");
  }
}
