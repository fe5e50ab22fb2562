/** Where a bucket of key-value has the records of one prefix and namespace: `$KV.<bucket>.<prefix>.<namespace>.<service>.<id>`. */
export interface KvKeys {
  readonly bucket: string;
  /** The stream behind the bucket. */
  readonly stream: string;
  /** Of all keys of the bucket. */
  readonly subjects: string;
  /** Throws an Error for a name that is too long. What to listen to for the instances of one service, or of all where it is undefined. */
  followed(service: string | undefined): string;
  subject(service: string, id: string): string;
  /** The other way round; undefined for what subject() does not make. */
  read(subject: string): { readonly service: string; readonly id: string } | undefined;
}

/** Whether a bucket can have that name. */
export function isBucket(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/** A line of the protocol may have 4096 bytes. */
const MOST_SUBJECT = 3000;

/** Throws an Error that shows a bucket's name that is none. */
export function kvKeys(bucket: string, prefix: string, namespace: string | undefined): KvKeys {
  if (!isBucket(bucket)) throw new Error(`${JSON.stringify(bucket)} is no name of a bucket`);
  const group = namespace === undefined ? "_" : `n-${escaped(namespace)}`;
  const base = `$KV.${bucket}.${prefix.split(".").map(escaped).join(".")}.${group}.`;
  const fitting = (text: string, what: string): string => {
    if (text.length <= MOST_SUBJECT) return text;
    throw new Error(`${JSON.stringify(what.slice(0, 80))} is too long for a key`);
  };
  const subject = (service: string, id: string): string =>
    fitting(`${base}${escaped(service)}.${escaped(id)}`, service);
  return {
    bucket,
    stream: `KV_${bucket}`,
    subjects: `$KV.${bucket}.>`,
    followed: (service) =>
      service === undefined ? `${base}>` : fitting(`${base}${escaped(service)}.*`, service),
    subject,
    read(text) {
      const [service, id, more] = text.startsWith(base) ? text.slice(base.length).split(".") : [];
      if (service === undefined || id === undefined || more !== undefined) return undefined;
      const found = { service: plain(service), id: plain(id) };
      return subject(found.service, found.id) === text ? found : undefined;
    },
  };
}

/** A token of a key: letters, digits, "_" and "-" as they are, "/" for a dot, and "=" with two hexadecimal digits for each other byte. */
function escaped(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/gu, (c) =>
    c === "."
      ? "/"
      : [...utf8.encode(c)].map((b) => `=${b.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

function plain(token: string): string {
  try {
    return decodeURIComponent(token.replaceAll("%", "%25").replaceAll("/", ".").replaceAll("=", "%"));
  } catch {
    return "";
  }
}

const utf8 = new TextEncoder();
