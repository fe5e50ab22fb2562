import { type Logger, silentLogger } from "skein";

/** What a client's log said of its instances. */
export interface ClientLog {
  /** For the client's option `log`. */
  readonly log: Logger;
  /** How often an instance was suspected, was lost or could not be reached. */
  readonly blamed: number;
}

const BLAME = /^instance (suspected|lost|cannot be reached)/;

export function clientLog(): ClientLog {
  let blamed = 0;
  const log: Logger = {
    ...silentLogger,
    warn(_, message) {
      if (BLAME.test(message)) blamed++;
    },
    child: () => log,
  };
  return {
    log,
    get blamed() {
      return blamed;
    },
  };
}
