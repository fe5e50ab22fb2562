import { type TransportHarness, transportCases } from "@skein/conformance";
import type { Connection, ConnectionHandler, Transport } from "@skein/core";
import { expect, test } from "vitest";
import { createMemoryNetwork, createMemoryTransport } from "./memory.ts";
import { testRuntime } from "./test/runtime.ts";

/** A memory transport whose connections are changed on their way out. */
function harness(change: (good: Connection) => Partial<Connection> = () => ({})): TransportHarness {
  const spoil = (good: Connection): Connection =>
    new Proxy(good, {
      get(target, name) {
        const changed = bad[name as keyof Connection];
        if (changed !== undefined) return changed;
        const value = target[name as keyof Connection] as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  let bad: Partial<Connection> = {};
  return {
    create: () => {
      const inner = createMemoryTransport({ runtime: testRuntime(), network: createMemoryNetwork() });
      const wrap = (good: Connection): Connection => {
        bad = change(good);
        return spoil(good);
      };
      const transport: Transport = {
        scheme: "memory",
        dial: async (address, options) => wrap(await inner.dial(address, options)),
        listen: (address, accept, options) => inner.listen(address, accept, options),
      };
      return { transport, address: "memory://here", nowhere: "memory://nowhere", close: () => {} };
    },
  };
}
/** A handler between the connection and the one that it is opened with. */
const between = (good: Connection, change: (to: ConnectionHandler) => Partial<ConnectionHandler>) => ({
  open: (to: ConnectionHandler) =>
    good.open({
      frame: (bytes, start, end) => to.frame(bytes, start, end),
      chunkEnd: () => to.chunkEnd(),
      closed: (error) => to.closed(error),
      ...change(to),
    }),
});

const FAULTS: readonly [string, (good: Connection) => Partial<Connection>, string][] = [
  [
    "a frame in a hundred is lost",
    (good) => {
      let n = 0;
      return { commit: () => (++n % 100 === 0 ? true : good.commit()) };
    },
    "many frames over many ticks: none lost, none changed after it was committed",
  ],
  [
    "tails are lost",
    (good) => ({ commitWith: () => good.commit() }),
    "frames with a tail of their own, among others",
  ],
  [
    "frames are handed on with their padding",
    (good) =>
      between(good, (to) => ({ frame: (bytes, start, end) => to.frame(bytes, start, (end + 7) & ~7) })),
    "frames arrive whole and in order, both ways",
  ],
  [
    "closed() twice",
    (good) =>
      between(good, (to) => ({
        closed: (error) => {
          to.closed(error);
          to.closed(error);
        },
      })),
    "close() sends what was committed; both ends are told once, without an error",
  ],
  [
    "close() drops what was committed",
    (good) => ({ close: () => good.destroy() }),
    "close() sends what was committed; both ends are told once, without an error",
  ],
  [
    "commit() never tells of congestion",
    (good) => ({
      commitWith: (tail) => {
        good.commitWith(tail);
        return true;
      },
    }),
    "a peer that does not read: commit() says so, bufferedBytes shows it, whenWritable() tells when it reads again",
  ],
  [
    "whenWritable() calls from within",
    () => ({ whenWritable: (callback) => callback() }),
    "whenWritable() with nothing waiting: soon, and not at once",
  ],
];

async function fails(name: string, subject: TransportHarness): Promise<boolean> {
  const found = transportCases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no such case: ${name}`);
  try {
    await found.run(subject);
    return false;
  } catch {
    return true;
  }
}

test.each(FAULTS)("%s: seen", { timeout: 30_000 }, async (_what, change, name) => {
  expect(await fails(name, harness(change))).toBe(true);
  expect(await fails(name, harness())).toBe(false);
});
