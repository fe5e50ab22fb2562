export { type ConsistentHashOptions, consistentHash, createConsistentHash } from "./consistent-hash.ts";
export { type EjectionOptions, ejecting } from "./ejection.ts";
export { p2c } from "./p2c.ts";
export { pickFirst } from "./pick-first.ts";
export { preferZone } from "./prefer-zone.ts";
export { random } from "./random.ts";
export { roundRobin } from "./round-robin.ts";
export { splitVersions } from "./split-versions.ts";
export { weighted } from "./weighted.ts";
