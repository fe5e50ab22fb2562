type Coded = Error & { readonly code?: string };

const LISTEN: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use by another process: choose another, or end that one",
  EACCES: "may not be listened on by this user",
  EADDRNOTAVAIL: "is no address of this machine",
  ENOTFOUND: "has a host that cannot be resolved",
  ENOENT: "is in a directory that does not exist",
};
const DIAL: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection: nothing listens there",
  ECONNRESET: "reset the connection",
  ENOTFOUND: "has a host that cannot be resolved",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ETIMEDOUT: "did not answer in time",
  ENOENT: "does not exist",
  EACCES: "may not be dialled by this user",
};

function explain(table: Readonly<Record<string, string>>, address: string, error: Coded): Error {
  const text = table[error.code ?? ""];
  const wrapped: Coded = new Error(
    text === undefined ? `${address}: ${error.message}` : `${address} ${text}`,
    { cause: error },
  );
  if (error.code !== undefined) Object.assign(wrapped, { code: error.code });
  return wrapped;
}

/** Node's error to a sentence that names the address; `code` and `cause` are kept. */
export function listenError(address: string, error: Coded): Error {
  return explain(LISTEN, address, error);
}
/** Node's error to a sentence that names the address; `code` and `cause` are kept. */
export function dialError(address: string, error: Coded): Error {
  return explain(DIAL, address, error);
}
