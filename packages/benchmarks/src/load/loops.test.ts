import { describe, expect, test } from "vitest";
import type { AdapterClient } from "./adapter.ts";
import { closedLoop, openLoop, streamLoop } from "./loops.ts";

const client = (part: Partial<AdapterClient>): AdapterClient => ({
  call: async ({ id }) => ({ id }),
  close: () => {},
  ...part,
});
const slice = { seconds: 0.02, kind: "small" } as const;

describe("closedLoop", () => {
  test("swapped replies are errors, and a run of errors ends early", async () => {
    const result = await closedLoop(client({ call: async () => ({ id: "other" }) }), {
      ...slice,
      conc: 1,
      seconds: 60,
    });
    expect(result).toMatchObject({
      calls: 0,
      errors: 1000,
      lastError: "asked for u0-999, was answered other",
    });
  });
  test("ends although promises alone keep the process busy", async () => {
    const result = await closedLoop(client({}), { ...slice, conc: 8 });
    expect(result.calls).toBeGreaterThan(0);
    expect(result.latency).toBeUndefined();
  });
});

describe("openLoop", () => {
  test("answers that come after the slice count as calls, not for the rate", async () => {
    const later = slice.seconds * 1000 * 3;
    const call: AdapterClient["call"] = ({ id }) =>
      new Promise((resolve) => setTimeout(resolve, later, { id }));
    const result = await openLoop(client({ call }), { ...slice, rate: 1000 });
    expect(result.rate).toBe(0);
    expect(result.calls).toBe(20);
    expect(result.latency?.p50).toBeGreaterThan(0);
  });
});

describe("streamLoop", () => {
  test("a stream that ends at once is an error, not an endless loop", async () => {
    async function* stream() {}
    await expect(streamLoop(client({ stream }), slice)).rejects.toThrow("the stream ended without a message");
  });
  test("a message of another stream is an error", async () => {
    async function* stream() {
      yield { id: "u2" };
    }
    await expect(streamLoop(client({ stream }), slice)).rejects.toThrow(
      "a message of another stream came: u2",
    );
  });
});
