const REFUSALS = [
  "AUTHORIZATION_VIOLATION",
  "AUTHENTICATION_EXPIRED",
  "AUTHENTICATION_TIMEOUT",
  "BAD_AUTHENTICATION",
];

/** Of our credentials. */
export function isRefusal(error: Error): boolean {
  return REFUSALS.includes((error as { code?: string }).code ?? "");
}

const SENTENCES: Readonly<Record<string, string>> = {
  CONNECTION_REFUSED: "the connection was refused: nothing listens there",
  ECONNREFUSED: "the connection was refused: nothing listens there",
  AUTHORIZATION_VIOLATION: "the server refuses our credentials",
  TIMEOUT: "the server does not answer",
  ENOTFOUND: "the host cannot be resolved",
};

/** The library's codes as sentences. Its messages carry no credentials, and neither do these. */
export function explain(error: Error): Error {
  const { code, message } = error as Error & { readonly code?: string };
  return new Error(SENTENCES[code ?? ""] ?? message, { cause: error });
}
