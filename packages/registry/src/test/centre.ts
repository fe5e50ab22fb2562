import { nodeRuntime as runtime } from "@skein/conformance/node";
import type { Logger } from "@skein/core";
import { loggerTo } from "@skein/core/testing";
import { onTestFinished } from "vitest";
import { type Centre, type CentreOptions, startCentre } from "../centre/index.ts";

/** Lines of a log, as text. */
export function keptLog(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const logger = loggerTo((_, message, fields) => {
    const { err } = fields;
    lines.push(`${message} ${JSON.stringify(fields)} ${err instanceof Error ? err.stack : ""}`);
  });
  return { logger, lines };
}

/** A centre on loopback for one test, and what its log says. */
export async function testCentre(
  options: Partial<CentreOptions> = {},
): Promise<{ readonly centre: Centre; readonly lines: string[] }> {
  const { logger, lines } = keptLog();
  const centre = await startCentre({ runtime, logger, listen: "127.0.0.1:0", ...options });
  onTestFinished(() => centre.close());
  return { centre, lines };
}
