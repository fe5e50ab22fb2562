export { type ConformanceCase, runCases } from "./case.ts";
export { type CodecAbility, codecCases } from "./codec/cases.ts";
export { type CodecConformanceOptions, codecConformance } from "./codec/suite.ts";
export {
  type RegistryAbilities,
  type RegistryCase,
  type RegistryHarness,
  registryCases,
  registryConformance,
  runRegistryCase,
  sampleInstance,
  Watched,
} from "./registry.ts";
export { transportCases } from "./transport/cases.ts";
export type { TransportHarness, TransportWorld } from "./transport/pair.ts";
export { transportConformance } from "./transport/suite.ts";
