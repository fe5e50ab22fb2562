import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { sleep } from "./measure.ts";
import { wallClock } from "./wall-clock.ts";
import { Witnesses } from "./witnesses.ts";

const STILL_MS = 300;

test.runIf(process.platform === "linux")("a witness that did not run tells when, and ends", async () => {
  const witnesses = await Witnesses.start();
  try {
    expect(witnesses.pids).toHaveLength(Math.min(4, availableParallelism()));
    const from = wallClock();
    for (const pid of witnesses.pids) process.kill(pid, "SIGSTOP");
    await sleep(STILL_MS);
    for (const pid of witnesses.pids) process.kill(pid, "SIGCONT");
    const to = wallClock();
    const stood = () => witnesses.spans().find((span) => span.to - span.from > STILL_MS - 50);
    await expect.poll(stood).toBeDefined();
    expect(stood()?.from).toBeGreaterThan(from - 50);
    expect(stood()?.from).toBeLessThan(to);
  } finally {
    await witnesses.end();
  }
  for (const pid of witnesses.pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
