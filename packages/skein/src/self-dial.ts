import type { CodecFactory, Logger, RpcError, Runtime, Transport } from "@skein/core";
import { createClientSession } from "@skein/core/internal";
import { SetupError } from "./setup-error.ts";
import { transportFor } from "./transports.ts";

/** `require`: not to be reached is an error; `warn`: a line in the log; `off`: not tried. */
export type SelfDial = "require" | "warn" | "off";

export interface SelfDialOptions {
  readonly mode: SelfDial;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly transports: readonly Transport[];
  readonly codecs: readonly CodecFactory[];
  readonly address: string;
  readonly service: string;
  readonly instance: string;
}

const TIMEOUT_MS = 5000;

/** Dials the advertised address and has HELLO answered by this very instance: what callers will do. Throws where that is required and fails. */
export async function dialSelf(options: SelfDialOptions): Promise<void> {
  const { mode, address, logger } = options;
  if (mode === "off") return;
  try {
    await sayHello(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `the advertised address ${address} does not lead here: ${why}`;
    if (mode === "warn") return logger.warn({ address }, text);
    throw new SetupError(`${text}. Set SKEIN_ADVERTISE to one that does, or the option selfDial to "off"`, {
      cause: error,
    });
  }
}

async function sayHello(options: SelfDialOptions): Promise<void> {
  const { address, transports, runtime, codecs, service, instance } = options;
  const connection = await transportFor(address, transports).dial(address, { timeoutMs: TIMEOUT_MS });
  const fault = await new Promise<RpcError | undefined>((resolve) => {
    const session = createClientSession({
      runtime,
      connection,
      codecs,
      service,
      instance,
      limits: { helloMs: TIMEOUT_MS },
      events: {
        ready() {
          resolve(undefined);
          session.close();
        },
        suspect() {},
        draining() {},
        closed: resolve,
      },
    });
  });
  // Refused for want of credentials: it was reached.
  if (fault !== undefined && fault.code !== "UNAUTHENTICATED") throw fault;
}
