import { constants } from "node:os";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
type Signal = (typeof SIGNALS)[number];

const closers = new Set<(signal: Signal) => Promise<void>>();
let stopping = false;

/**
 * At the first SIGTERM or SIGINT everything that was named here is closed, then the process exits: with 0 (or process.exitCode), with 1 when closing
 * failed. A second signal exits at once, with 128 and the signal's number as shells do. Returns what takes it back: without any, signals do
 * what they always do.
 */
export function closeOnSignal(close: (signal: Signal) => Promise<void>): () => void {
  if (closers.size === 0 && !stopping) for (const signal of SIGNALS) process.on(signal, onSignal);
  closers.add(close);
  return () => {
    if (!closers.delete(close) || closers.size > 0 || stopping) return;
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** A signal has come: the process exits once everything is closed, and what it was doing no longer matters. */
export function isExiting(): boolean {
  return stopping;
}

async function onSignal(signal: Signal): Promise<void> {
  if (stopping) process.exit(128 + constants.signals[signal]);
  stopping = true;
  const results = await Promise.allSettled([...closers].map((close) => close(signal)));
  if (results.some(({ status }) => status === "rejected")) process.exit(1);
  process.exit();
}
