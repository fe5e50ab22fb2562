import { registryConformance } from "@skein/conformance";
import { mdnsHarness } from "./test/mdns-harness.ts";

registryConformance("mdns", () => mdnsHarness());
registryConformance("mdns, layout go-micro", () => mdnsHarness("go-micro"));
registryConformance("mdns, both layouts at once", () => mdnsHarness("skein,go-micro"));
