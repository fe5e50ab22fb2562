import { registryConformance } from "@skein/conformance";
import { mdnsHarness } from "./test/mdns-harness.ts";

registryConformance("mdns", () => mdnsHarness());
