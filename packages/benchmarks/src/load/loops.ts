import type { AdapterClient } from "./adapter.ts";
import { Latencies } from "./latencies.ts";
import type { LoadResult } from "./protocol.ts";
import type { ReplySize } from "./service.ts";

/** A run that only fails ends here instead of spinning until its time is up. */
const MAX_ERRORS = 1000;
/** More than this in flight in an open loop: the adapter has fallen behind, and what is due counts as an error. */
const MAX_OPEN_IN_FLIGHT = 20_000;
/** Messages asked for in one stream. */
const STREAM_MESSAGES = 20_000;

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const result = (calls: number, errors: number, milliseconds: number, lastError?: string): LoadResult => ({
  calls,
  errors,
  rate: calls / (milliseconds / 1000),
  ...(lastError === undefined ? {} : { lastError }),
});

/** Closed loop: `conc` callers, each calling again as soon as it is answered. Latency is taken for a single caller only. */
export async function closedLoop(
  client: AdapterClient,
  { conc, seconds, kind }: { conc: number; seconds: number; kind: ReplySize },
): Promise<LoadResult> {
  const latencies = conc === 1 ? new Latencies() : undefined;
  let calls = 0;
  let errors = 0;
  let lastError: string | undefined;
  let stop = false;
  const began = performance.now();
  const end = began + seconds * 1000;
  const timer = setTimeout(() => {
    stop = true;
  }, seconds * 1000);

  async function caller(worker: number): Promise<void> {
    for (let i = 0; !stop; i++) {
      const id = `u${worker}-${i}`;
      const sentAt = latencies ? performance.now() : 0;
      try {
        const reply = await client.call({ id, kind });
        if (reply.id !== id) throw new Error(`asked for ${id}, was answered ${reply.id}`);
        calls++;
        latencies?.add(performance.now() - sentAt);
      } catch (error) {
        errors++;
        lastError = message(error);
        if (errors >= MAX_ERRORS) stop = true;
      }
      // a timer cannot fire while promises alone keep the process busy: look at the clock now and then
      if ((i & 127) === 127 && performance.now() > end) stop = true;
    }
  }

  await Promise.all(Array.from({ length: conc }, (_, worker) => caller(worker)));
  clearTimeout(timer);
  const summary = latencies?.summary();
  return {
    ...result(calls, errors, performance.now() - began, lastError),
    ...(summary ? { latency: summary } : {}),
  };
}

/** Open loop: calls are sent at a fixed rate in ticks of 1 ms, answered or not. Latency counts from sending. */
export async function openLoop(
  client: AdapterClient,
  { rate, seconds, kind }: { rate: number; seconds: number; kind: ReplySize },
): Promise<LoadResult> {
  const latencies = new Latencies();
  let sent = 0;
  let answered = 0;
  let errors = 0;
  let inFlight = 0;
  let lastError: string | undefined;
  let allEnded: (() => void) | undefined;
  const began = performance.now();

  const ended = (): void => {
    inFlight--;
    if (inFlight === 0) allEnded?.();
  };
  const send = (): void => {
    if (inFlight >= MAX_OPEN_IN_FLIGHT) {
      errors++;
      lastError = `not sent: ${inFlight} calls were waiting`;
      return;
    }
    inFlight++;
    const sentAt = performance.now();
    client.call({ id: "x", kind }).then(
      () => {
        answered++;
        latencies.add(performance.now() - sentAt);
        ended();
      },
      (error: unknown) => {
        errors++;
        lastError = message(error);
        ended();
      },
    );
  };
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const elapsed = Math.min((performance.now() - began) / 1000, seconds);
      for (const due = Math.ceil(elapsed * rate); sent < due; sent++) send();
      if (elapsed === seconds) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
  const milliseconds = performance.now() - began;
  const inTime = answered;
  if (inFlight > 0)
    await new Promise<void>((resolve) => {
      allEnded = resolve;
    });
  const summary = latencies.summary();
  return {
    ...result(answered, errors, milliseconds, lastError),
    rate: inTime / (milliseconds / 1000),
    ...(summary ? { latency: summary } : {}),
  };
}

/** One server stream at a time, read as fast as it comes. */
export async function streamLoop(
  client: AdapterClient,
  { seconds, kind }: { seconds: number; kind: ReplySize },
): Promise<LoadResult> {
  if (!client.stream) throw new Error("this adapter has no streams");
  let messages = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  // What a stream does after a break does not count: some peers cannot stop theirs.
  let ended: number | undefined;
  while (performance.now() < end) {
    const before = messages;
    for await (const user of client.stream({ id: "u1", kind, count: STREAM_MESSAGES })) {
      if (user.id !== "u1") throw new Error(`a message of another stream came: ${user.id}`);
      messages++;
      if ((messages & 63) !== 0 || performance.now() <= end) continue;
      ended = performance.now();
      break;
    }
    if (messages === before) throw new Error("the stream ended without a message");
  }
  return result(messages, 0, (ended ?? performance.now()) - began);
}
