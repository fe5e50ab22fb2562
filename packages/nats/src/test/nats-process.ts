import { announceInstances, nodeRuntime as runtime } from "@skein/conformance/node";
import { silentLogger } from "@skein/core";
import { createRegistry } from "../registry/create-registry.ts";

await announceInstances((url) => createRegistry(url, { runtime, logger: silentLogger }));
