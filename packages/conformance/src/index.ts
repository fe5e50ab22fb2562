export { busCases } from "./bus/cases.ts";
export type { BusCase, BusHarness, BusWorld } from "./bus/harness.ts";
export { busConformance } from "./bus/suite.ts";
export { type ConformanceCase, runCases } from "./case.ts";
export { type CodecAbility, codecCases } from "./codec/cases.ts";
export { type CodecConformanceOptions, codecConformance } from "./codec/suite.ts";
export type {
  RegistryAbilities,
  RegistryCase,
  RegistryHarness,
  RegistryWorld,
} from "./registry/harness.ts";
export { registryCases, registryConformance, runRegistryCase } from "./registry/suite.ts";
export { sampleInstance, Watched } from "./registry/watched.ts";
export { transportCases } from "./transport/cases.ts";
export type { TransportHarness, TransportWorld } from "./transport/pair.ts";
export { transportConformance } from "./transport/suite.ts";
