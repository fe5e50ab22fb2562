export { createFakeRuntime, FakeClock, type FakeRuntime, settle } from "./fake-clock.ts";
export { plainJsonCodec } from "./json-codec.ts";
export { createLink, type Link, type LinkOptions } from "./link.ts";
export { type LogLevel, loggerTo } from "./logger-to.ts";
export { seededRandom } from "./seeded-random.ts";
