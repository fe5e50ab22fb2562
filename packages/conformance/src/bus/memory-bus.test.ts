import { createMemoryBus } from "@skein/core";
import { nodeRuntime } from "../node-runtime.ts";
import { busConformance } from "./suite.ts";

let worlds = 0;

busConformance("memory", {
  delivery: "at-most-once",
  maxPayloadBytes: 1024 * 1024,
  create: () => {
    const name = `world-${++worlds}`;
    return {
      connect: () => createMemoryBus({ runtime: nodeRuntime, name }),
      close: () => {},
    };
  },
});
