type Coded = Error & { readonly code?: string };
type Sentences = Readonly<Record<string, string>>;

const LISTEN: Sentences = {
  EADDRINUSE: "is in use: choose another, or end what listens there",
  EACCES: "may not be listened on by this user",
  EADDRNOTAVAIL: "is no address of this machine",
  ENOTFOUND: "has a host that cannot be resolved",
  EAI_AGAIN: "has a host that cannot be resolved now: the name server does not answer",
  ENOENT: "is in a directory that does not exist",
};
const DIAL: Sentences = {
  ECONNREFUSED: "refused the connection: nothing listens there",
  ECONNRESET: "reset the connection",
  ENOTFOUND: "has a host that cannot be resolved",
  EAI_AGAIN: "has a host that cannot be resolved now: the name server does not answer",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ETIMEDOUT: "did not answer in time",
  ENOENT: "does not exist",
  EACCES: "may not be dialled by this user",
  EPROTO: "does not speak TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "does not speak TLS",
};
const CONNECTION: Sentences = {
  ECONNRESET: "reset the connection",
  EPIPE: "closed the connection while it was written to",
  ETIMEDOUT: "did not answer any more",
};

function explain(sentences: Sentences, address: string, error: unknown): Error {
  const { code, message } = (error instanceof Error ? error : new Error(String(error))) as Coded;
  const sentence = sentences[code ?? ""];
  const explained = new Error(sentence === undefined ? `${address}: ${message}` : `${address} ${sentence}`, {
    cause: error,
  });
  return code === undefined ? explained : Object.assign(explained, { code });
}

/** Node's error to a sentence that names the address; `code` and `cause` are kept. */
export function listenError(address: string, error: unknown): Error {
  return explain(LISTEN, address, error);
}
/** Node's error to a sentence that names the address; `code` and `cause` are kept. */
export function dialError(address: string, error: unknown): Error {
  return explain(DIAL, address, error);
}
/** As dialError, for a connection that was there already. */
export function connectionError(remote: string, error: unknown): Error {
  return explain(CONNECTION, remote, error);
}
