import { RpcError } from "@skein/core";
import { isObject, type Json } from "@skein/registry/backend";
import { isRefusal, JetStreamError } from "../../jetstream/errors.ts";
import type { JetStream } from "../../jetstream/jetstream.ts";
import { fromNanos, nanos } from "../../jetstream/nanos.ts";
import type { Link } from "../link.ts";
import type { KvKeys } from "./kv-keys.ts";

/** Of a bucket that we make: no record is older, and no lease may be longer, ms. */
const MOST_AGE_MS = 24 * 3_600_000;
/** JetStream leaves out what came twice within so long; we number nothing, ms. */
const DUPLICATES_MS = 120_000;

/** A bucket as it is now. */
export interface Bucket {
  /** Each message may say when the server is to drop it (nats-server 2.11). */
  readonly drops: boolean;
  /** What is older is gone, ms; 0: nothing is. */
  readonly maxAgeMs: number;
  /** By the server's clock, at least, ms since 1970: only differences of it say anything. */
  readonly nowMs: number;
}

/**
 * Looks at the bucket, and makes it where there is none. Rejects with FAILED_PRECONDITION where the server has no JetStream, or the bucket is no bucket, else
 * as JetStream does.
 */
export async function openBucket(js: JetStream, link: Link, keys: KvKeys): Promise<Bucket> {
  try {
    const { stream } = keys;
    const there = (await js.findStream(stream)) ?? (await js.makeStream(stream, configOf(keys)));
    return bucketOf(there, link, keys);
  } catch (error) {
    if (isRefusal(error, "noJetStream")) throw noJetStream(link, keys);
    throw error instanceof JetStreamError ? link.unavailable(error) : error;
  }
}

/** As NATS's own tools make buckets. */
const configOf = ({ subjects }: KvKeys): Json => ({
  description: "Skein's registry",
  subjects: [subjects],
  retention: "limits",
  max_consumers: -1,
  max_msgs: -1,
  max_bytes: -1,
  max_msg_size: -1,
  max_msgs_per_subject: 1,
  max_age: nanos(MOST_AGE_MS),
  discard: "new",
  storage: "file",
  num_replicas: 1,
  duplicate_window: nanos(DUPLICATES_MS),
  deny_delete: true,
  allow_rollup_hdrs: true,
  allow_direct: true,
  allow_msg_ttl: true,
});

function bucketOf({ config, state, ts }: Json, link: Link, keys: KvKeys): Bucket {
  const { subjects, max_age, allow_msg_ttl } = isObject(config) ? config : {};
  if (!Array.isArray(subjects) || !subjects.includes(keys.subjects))
    throw new RpcError(
      "FAILED_PRECONDITION",
      `the registry ${link.name}: the stream ${keys.stream} is no bucket: it does not have the subjects ${keys.subjects}`,
      { executed: "no" },
    );
  // Servers before 2.10 do not tell the time, but when the last message came.
  const now = Date.parse(String(ts ?? (isObject(state) ? state.last_ts : undefined)));
  return {
    drops: allow_msg_ttl === true,
    maxAgeMs: typeof max_age === "number" ? fromNanos(max_age) : 0,
    nowMs: Number.isNaN(now) ? 0 : now,
  };
}

function noJetStream(link: Link, { bucket }: KvKeys): RpcError {
  return new RpcError(
    "FAILED_PRECONDITION",
    `the registry ${link.name}: the server has no JetStream for us, which kv=${bucket} needs: start it with "nats-server -js" ` +
      "(or jetstream {} in its configuration, and in the account's), or leave out kv=",
    { executed: "no" },
  );
}
