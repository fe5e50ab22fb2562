import { redactUrl } from "./config/redact.ts";
import { importFromApp, resolveFromApp } from "./import-from-app.ts";
import { asSetup, SetupError } from "./setup-error.ts";

const PACKAGE = "@skein/nats";

/**
 * What opens something of a package that the application has installed. Throws, naming the command, when it is not installed.
 * @param name of what the package exports; @param make calls it
 */
export function openNats<Create, Made>(
  url: string,
  name: string,
  make: (create: Create) => Made,
): () => Promise<Made> {
  const shown = redactUrl(url);
  if (resolveFromApp(PACKAGE) === undefined)
    throw new SetupError(`${shown} needs the package ${PACKAGE}: npm install ${PACKAGE}`);
  return async () => {
    const create = (await importFromApp(PACKAGE))?.[name];
    if (typeof create !== "function")
      throw new SetupError(`${shown} needs ${name}() of ${PACKAGE}, which this version of it does not have`);
    return asSetup(() => make(create as Create));
  };
}
