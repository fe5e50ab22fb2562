import type { ServiceDefinition } from "@skein/core";
import { SetupError } from "./setup-error.ts";

/** @throws SetupError naming both, where two services have one name and version: callers could not tell them apart */
export function refuseTwins(definitions: readonly ServiceDefinition[]): void {
  const seen = new Map<string, ServiceDefinition>();
  for (const definition of definitions) {
    const { name, version, label } = definition;
    const twin = seen.get(`${name} ${version}`);
    if (twin !== undefined)
      throw new SetupError(
        `service ${name} ${version} is served twice in this process, by ${twin.label} and by ${label}: give one of them another name or version`,
      );
    seen.set(`${name} ${version}`, definition);
  }
}
