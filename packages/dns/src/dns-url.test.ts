import { expect, test } from "vitest";
import { serviceOfName } from "./dns-name.ts";
import { parseDnsUrl } from "./dns-url.ts";

test("a template, a server, and what else there is", () => {
  const url = parseDnsUrl(
    "dns+srv://v1.{service}.service.consul?server=127.0.0.1:8600,[::1]:53,consul",
    undefined,
  );
  expect(url.nameOf("user")).toBe("v1.user.service.consul");
  expect(url.nameOf("billing.invoice")).toBe("v1.billing-invoice.service.consul");
  expect(url).toMatchObject({
    shown: "dns+srv://v1.{service}.service.consul?server=127.0.0.1:8600,[::1]:53,consul",
    service: undefined,
    port: undefined,
    version: "0.0.0",
    minTtlMs: 1000,
    transport: "tcp",
  });
  expect(url.servers?.map((s) => s.shown)).toEqual(["127.0.0.1:8600", "[::1]:53", "consul:53"]);
  const headless = parseDnsUrl(
    "dns+srv://{service}.{namespace}.svc.cluster.local.?type=a&port=8080&version=1.2.0&minTtl=5s",
    "shop",
  );
  expect(headless).toMatchObject({
    servers: undefined,
    port: 8080,
    version: "1.2.0",
    minTtlMs: 5000,
    transport: "udp",
  });
  expect(headless.nameOf("user")).toBe("user.shop.svc.cluster.local");
});

test("a name without {service} is one service's", () => {
  const url = parseDnsUrl("dns+srv://User.Service.Consul?transport=udp", undefined);
  expect([url.nameOf("user"), url.nameOf("order"), url.service, url.transport]).toEqual([
    "user.service.consul",
    undefined,
    "user",
    "udp",
  ]);
  const named = parseDnsUrl("dns+srv://10.example.org?service=billing.invoice", undefined);
  expect(named.nameOf("billing.invoice")).toBe("10.example.org");
});

test.each([
  ["user.service.consul", "user"],
  ["v1.user.service.consul", "user"],
  ["user.service.dc1.consul", "user"],
  ["_user._tcp.service.consul", "user"],
  ["_user._v1.service.consul", "user"],
  ["user.query.consul", "user"],
  ["user.default.svc.cluster.local", "user"],
  ["_skein._tcp.user.default.svc.cluster.local", "user"],
  ["_grpc._tcp.user.default.svc.cluster.local", "user"],
  ["_user._tcp.example.org", "user"],
  ["_skein._tcp.user.example.org", "user"],
])("%s means %s", (name, service) => expect(serviceOfName(name)).toBe(service));

const fault = (url: string): string => {
  try {
    parseDnsUrl(url, undefined);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};
test.each([
  ["dns+srv://", "there is no host"],
  ["dns+srv:user.service.consul", 'the path "user.service.consul" is not understood'],
  ["dns://user.service.consul", 'the scheme "dns" is not dns+srv'],
  ["dns+srv://root:hunter2@user.service.consul", "DNS knows no users: remove what is before the @"],
  ["dns+srv://user.service.consul:8600", 'the port of "user.service.consul:8600" is not understood'],
  ["dns+srv://user.service.consul/x", 'the path "/x" is not understood'],
  ["dns+srv://a.b,c.d", "there is more than one host"],
  ["dns+srv://{name}.service.consul", "{name} is unknown in a name; known: {service}, {namespace}"],
  ["dns+srv://{service.consul", "{service.consul is unknown in a name"],
  ["dns+srv://{service}.{namespace}.svc", "there is no namespace: set SKEIN_NAMESPACE"],
  ["dns+srv://user..consul", '"user..consul" is no DNS name: its part "" is not 1 to 63 characters'],
  [`dns+srv://${"x".repeat(64)}.consul`, "is not 1 to 63 characters"],
  [`dns+srv://${"x.".repeat(130)}consul`, "is 266 characters long: DNS takes 253"],
  ["dns+srv://-.example.org", 'the service name "-" cannot be a key in a registry'],
  ["dns+srv://{service}.consul?service=user", "service=user is for a name without {service}: remove one"],
  ["dns+srv://x.org?service=User", 'the service name "User" cannot be a key'],
  ["dns+srv://user.org?version=1/2", 'the version "1/2" cannot be a key'],
  ["dns+srv://user.org?server=", '"" is no server: give one such as 127.0.0.1:8600'],
  ["dns+srv://user.org?server=127.0.0.1:0", '"127.0.0.1:0" is no server'],
  ["dns+srv://user.org?server=127.0.0.1:99999", '"127.0.0.1:99999" is no server'],
  ["dns+srv://user.org?server=[1]:53", '"[1]:53" is no server'],
  ["dns+srv://user.org?server=a b", '"a b" is no server'],
  ["dns+srv://user.org?type=mx", "type=mx is not srv or a"],
  ["dns+srv://user.org?type=a", "type=a needs a port: give one such as port=8080"],
  ["dns+srv://user.org?type=a&port=0", "port=0 is none from 1 to 65535"],
  ["dns+srv://user.org?type=a&port=8e3", "port=8e3 is none from 1 to 65535"],
  ["dns+srv://user.org?port=80", "port=80 is for type=a: SRV records say the port"],
  ["dns+srv://user.org?minTtl=0s", "minTtl=0s is too short"],
  ["dns+srv://user.org?minTtl=1h", "minTtl=1h is too long"],
  ["dns+srv://user.org?transport=tls", "transport=tls is not udp or tcp"],
  ["dns+srv://user.org?servers=a", 'the parameter "servers" is unknown'],
])("%s is refused", (url, message) => {
  expect(fault(url)).toContain(message);
  expect(fault(url)).not.toContain("hunter2");
});
