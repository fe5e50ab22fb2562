/** A request's header `authorization` as credentials: without `Bearer `; other schemes stay as they are. Undefined without any. */
export function credentialsOf({
  authorization,
}: {
  readonly authorization?: string | undefined;
}): string | undefined {
  if (authorization === undefined || authorization === "") return undefined;
  return authorization.replace(/^bearer +/i, "");
}

/** The header `authorization` for credentials: `Bearer ` in front, unless they name their scheme (`Basic …`). */
export function authorizationOf(credentials: string): string {
  return /^[A-Za-z][\w-]* +\S/.test(credentials) ? credentials : `Bearer ${credentials}`;
}
