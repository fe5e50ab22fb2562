import { registryConformance } from "@skein/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { fakeConsulHarness, realConsulHarness } from "./test/consul-harness.ts";
import { RealConsul } from "./test/real-consul.ts";

registryConformance("consul (a fake agent)", () => fakeConsulHarness());
registryConformance("consul (a fake agent), with a namespace", () => fakeConsulHarness("", "team-a"));

describe.skipIf(!RealConsul.given)("with a real agent (CONSUL_BIN or CONSUL_ADDR)", () => {
  let consul: RealConsul;
  beforeAll(async () => {
    consul = await RealConsul.open();
  });
  afterAll(() => consul.close());

  registryConformance("consul", () => realConsulHarness(consul));
});
