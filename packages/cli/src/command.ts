import type { Backplane, OpenOptions } from "./backplane.ts";
import type { CliIo } from "./io.ts";
import type { Paint } from "./paint.ts";

/** Flags that every command takes. */
export interface CommonFlags {
  readonly registry?: string;
  readonly namespace?: string;
  readonly json?: true;
}

/** Given to each command's function. */
export interface Session {
  readonly io: CliIo;
  readonly backplane: Backplane;
  /** For standard output. */
  readonly paint: Paint;
  readonly json: boolean;
}

export function openOptions(flags: CommonFlags, env: OpenOptions["env"]): OpenOptions {
  return { registry: flags.registry, namespace: flags.namespace, env };
}
