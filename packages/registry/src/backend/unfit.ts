import type { Instance, Logger } from "@skein/core";

/** How instances are written; several at once. */
interface WrittenAs {
  readonly name: string;
  /** Why those who read what it writes cannot call an instance; undefined when they can. @default they can */
  readonly unfit?: ((instance: Instance) => string | undefined) | undefined;
}

/** Warns, once for each service, of readers that cannot call an instance. @param fields logged beside the service and the layout */
export function unfitWarning(
  layouts: readonly WrittenAs[],
  logger: Logger,
  fields: object = {},
): (instance: Instance) => void {
  const warned = new Set<string>();
  return (instance) => {
    const { service } = instance;
    for (const { name, unfit } of layouts) {
      const why = warned.has(service) ? undefined : unfit?.(instance);
      if (why === undefined) continue;
      warned.add(service);
      logger.warn({ service, ...fields, layout: name }, why);
    }
  };
}
