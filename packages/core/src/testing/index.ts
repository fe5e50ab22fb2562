export { createFakeRuntime, FakeClock, type FakeRuntime, settle } from "./fake-clock.ts";
