import { describe, expect, test } from "vitest";
import { advertisedAddress, type Interfaces } from "./advertised.ts";
import { resolveServeConfig, type ServeConfigOptions } from "./resolve-config.ts";

const loopback = { address: "127.0.0.1", family: "IPv4", internal: true };
const v4 = (address: string) => ({ address, family: "IPv4", internal: false });
const v6 = { address: "fe80::1", family: "IPv6", internal: false };
const derive = (
  options: ServeConfigOptions,
  bound: string,
  interfaces: Interfaces = { lo: [loopback] },
): string => advertisedAddress(resolveServeConfig(options, {}), bound, () => interfaces);
const network = { registry: "etcd://a" };

describe("the advertised address", () => {
  test("one machine: where it listens", () => {
    expect(derive({}, "tcp://127.0.0.1:4711")).toBe("tcp://127.0.0.1:4711");
    expect(derive({ listen: "tcp://0.0.0.0:0" }, "tcp://0.0.0.0:4711")).toBe("tcp://127.0.0.1:4711");
    expect(derive({ listen: "unix:/run/a.sock" }, "unix:/run/a.sock")).toBe("unix:/run/a.sock");
    expect(derive({ listen: "memory:a" }, "memory://a")).toBe("memory://a");
  });
  test("a network: the one IPv4 that is not internal", () => {
    const interfaces = { lo: [loopback], eth0: [v4("10.0.0.7"), v6] };
    expect(derive(network, "tcp://0.0.0.0:4711", interfaces)).toBe("tcp://10.0.0.7:4711");
    expect(derive({ ...network, listen: "tcp://10.0.0.8:80" }, "tcp://10.0.0.8:80", interfaces)).toBe(
      "tcp://10.0.0.8:80",
    );
  });
  test("what was asked for wins; a host alone takes the port listened on", () => {
    const advertised = (advertise: string) => derive({ ...network, advertise }, "tcp://0.0.0.0:4711");
    expect(advertised("tcp://user.example:80")).toBe("tcp://user.example:80");
    expect(advertised("user.example")).toBe("tcp://user.example:4711");
    expect(advertised("10.0.0.7:0")).toBe("tcp://10.0.0.7:4711");
    expect(advertised("[fd00::7]")).toBe("tcp://[fd00::7]:4711");
    expect(advertised("127.0.0.1")).toBe("tcp://127.0.0.1:4711");
  });

  const remedy =
    "set SKEIN_ADVERTISE (or the option advertise) to the address at which others reach this process";
  test.each<[string, ServeConfigOptions, string, Interfaces, string]>([
    [
      "none",
      network,
      "tcp://0.0.0.0:1",
      { lo: [loopback], eth0: [v6] },
      `this machine has no IPv4 address but loopback: ${remedy}`,
    ],
    [
      "several",
      network,
      "tcp://0.0.0.0:1",
      { eth0: [v4("10.0.0.7")], docker0: [v4("172.17.0.1")] },
      `this machine has several addresses, 10.0.0.7 (eth0), 172.17.0.1 (docker0): ${remedy}`,
    ],
    [
      "loopback",
      { ...network, listen: "127.0.0.1:80" },
      "tcp://127.0.0.1:80",
      {},
      `tcp://127.0.0.1:80 is reached from this machine only, and the registry is for others too: ${remedy}`,
    ],
    [
      "localhost",
      { ...network, listen: "localhost:80" },
      "tcp://localhost:80",
      {},
      `tcp://localhost:80 is reached from this machine only, and the registry is for others too: ${remedy}`,
    ],
    [
      "unix",
      { ...network, listen: "unix:/a" },
      "unix:/a",
      {},
      `unix:/a is reached from this machine only, and the registry is for others too: ${remedy}`,
    ],
    [
      "no port",
      { advertise: "h", listen: "unix:/a" },
      "unix:/a",
      {},
      "the option advertise needs a port: it listens on unix:/a, which has none",
    ],
  ])("refused: %s", (_, options, bound, interfaces, message) =>
    expect(() => derive(options, bound, interfaces)).toThrow(
      expect.objectContaining({ name: "SetupError", message }),
    ),
  );
});
