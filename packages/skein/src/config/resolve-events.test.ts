import { createMemoryBus } from "@skein/core";
import { expect, test } from "vitest";
import { nodeRuntime } from "../node-runtime.ts";
import { resolveEvents } from "./resolve-events.ts";

const NATS = "nats://u:p@a:4222";

test("option, variable, the servers of NATS, memory", () => {
  const [own, other] = ["nats://b?stream=EVENTS", "memory:x"];
  expect(resolveEvents({ events: own }, { SKEIN_EVENTS: other }, NATS)).toEqual({ kind: "nats", url: own });
  expect(resolveEvents({}, { SKEIN_EVENTS: other }, NATS)).toEqual({
    kind: "memory",
    name: "x",
    chosen: true,
  });
  expect(resolveEvents({}, { SKEIN_EVENTS: "tls://c" }, undefined)).toEqual({ kind: "nats", url: "tls://c" });
  expect(resolveEvents({}, {}, NATS)).toEqual({ kind: "nats", url: NATS });
  expect(resolveEvents({}, { SKEIN_EVENTS: " " }, undefined)).toEqual({
    kind: "memory",
    name: "",
    chosen: false,
  });
  const bus = createMemoryBus({ runtime: nodeRuntime });
  expect(resolveEvents({ events: bus }, {}, NATS)).toEqual({ kind: "object", bus });
});

test.each([
  [
    "kafka://u:secret@a",
    "SKEIN_EVENTS=kafka://***@a names no event bus: give memory:, nats://server:4222 or",
  ],
  ["nats://", "SKEIN_EVENTS=nats:// names no event bus"],
  ["memory:a b", 'SKEIN_EVENTS="memory:a b" names no event bus'],
])("%s is refused", (value, message) => {
  expect(() => resolveEvents({}, { SKEIN_EVENTS: value }, undefined)).toThrow(message);
});

test("an object that is no bus is refused", () => {
  expect(() => resolveEvents({ events: {} as never }, {}, undefined)).toThrow(
    "option events=[object] is no event bus: give a URL, or an object with publish, subscribe and close",
  );
});
