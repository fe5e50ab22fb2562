// Aborts calls of service `ledger`, each by its own signal, in a process of its own whose memory tells what is left of them.
import { writeFileSync } from "node:fs";
import { createClient, RpcError } from "skein";
import type { CallRecord } from "../ledger/records.ts";
import { wallClock } from "../stage/wall-clock.ts";
import type { Aborted, AborterSettings, AbortOrder } from "./aborter-protocol.ts";
import type { LedgerApi } from "./protocol.ts";

const IN_FLIGHT = 100;
const TIMEOUT_MS = 5000;
/** A share of the signals is raised before the call is made, and as large a one before it has left. */
const AT_ONCE = 0.1;
/** The others within so long: answers of calls that are not held come meanwhile. */
const LATEST_MS = 4;

const { deaf } = JSON.parse(process.env.FAULTS_ABORTER as string) as AborterSettings;
const client = createClient({ log: "silent" });
const api = client.service<LedgerApi>("ledger");
Error.stackTraceLimit = 0;

/** One call in three is held by its handler until it is aborted. */
async function one(id: string, n: number): Promise<CallRecord> {
  const abort = new AbortController();
  const method = n % 3 === 0 ? "held" : "once";
  const sentAt = wallClock();
  const known = { id, method, idempotent: false, timeoutMs: TIMEOUT_MS, intendedAt: sentAt, sentAt };
  const options = { timeoutMs: TIMEOUT_MS, ...(!deaf && { signal: abort.signal }) };
  const left = leaving(abort, method === "held" || Math.random() < 0.5 ? LATEST_MS : LATEST_MS / 4);
  left.catch(() => {});
  const answer = api[method]({ id, ms: method === "held" ? TIMEOUT_MS : n % 2 }, options);
  try {
    return { ...known, answer: await (deaf ? Promise.race([answer, left]) : answer), endedAt: wallClock() };
  } catch (error) {
    const { code, message, executed } = RpcError.from(error);
    return { ...known, endedAt: wallClock(), error: { code, message, executed } };
  }
}

/** Raises the signal at random. Fails then: what a caller sees who merely stops waiting. */
async function leaving(abort: AbortController, latestMs: number): Promise<never> {
  const random = Math.random();
  if (random >= AT_ONCE && random < 2 * AT_ONCE) await undefined;
  else if (random >= AT_ONCE) await new Promise((resolve) => setTimeout(resolve, Math.random() * latestMs));
  abort.abort();
  throw new RpcError("CANCELLED", "its caller has left");
}

async function many(prefix: string, count: number): Promise<CallRecord[]> {
  const records: CallRecord[] = [];
  let n = 0;
  const some = async (): Promise<void> => {
    while (n < count) {
      const turn = n++;
      records.push(await one(`${prefix}${turn}`, turn));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, some));
  return records;
}

function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

async function run({ prefix, count, file }: AbortOrder): Promise<void> {
  writeFileSync(file, JSON.stringify(await many(prefix, count)));
}

process.on("message", async (order: AbortOrder) => {
  await run(order);
  // Sent behind all that was cancelled: once it is answered the server has read that.
  const id = `${order.prefix}-plain`;
  const plain = await api.once({ id, ms: 0 }, { timeoutMs: TIMEOUT_MS }).catch(() => undefined);
  const pending = client.report().reduce((sum, r) => sum + r.started - r.succeeded - r.failed, 0);
  const answered = plain?.call === id;
  process.send?.({ kind: "aborted", heapBytes: heapBytes(), pending, answered } satisfies Aborted);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" });
