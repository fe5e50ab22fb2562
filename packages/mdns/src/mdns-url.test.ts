import { expect, test } from "vitest";
import { parseMdnsUrl } from "./mdns-url.ts";

test("the short form means all interfaces, port 5353, layout skein", () => {
  const { name, interfaces, port, layouts } = parseMdnsUrl("mdns:");
  expect({ name, interfaces, port }).toEqual({ name: "mdns://", interfaces: undefined, port: 5353 });
  expect(layouts.map((l) => l.domain)).toEqual(["_skein._tcp.local"]);
});

test("everything can be said", () => {
  const query =
    "interface=10.0.0.7,127.0.0.1,10.0.0.7&port=5454&layout=skein,go-micro,skein&domain=lab&goMicroDomain=m.x.";
  const { interfaces, port, layouts } = parseMdnsUrl(`mdns://?${query}`);
  expect({ interfaces, port }).toEqual({ interfaces: ["10.0.0.7", "127.0.0.1"], port: 5454 });
  expect(layouts.map((l) => l.domain)).toEqual(["_skein._tcp.lab", "m.x"]);
});

test("a namespace is a domain of its own", () => {
  const { layouts } = parseMdnsUrl("mdns://?layout=skein,go-micro", "Team.A");
  expect(layouts.map((l) => l.serviceQuestion("user").name)).toEqual([
    "user._sub._skein._tcp.Team~A.local",
    "user.Team~A.micro",
  ]);
  expect(layouts.map((l) => l.domain)).toEqual(["_skein._tcp.team~a.local", "team~a.micro"]);
});

test.each([
  ["mdns://10.0.0.7", "there is a host (10.0.0.7), and mDNS has none"],
  ["mdns://?interface=eth0", "interface=eth0 is no IPv4 address"],
  ["mdns://?interface=10.0.0.7,", "interface= is no IPv4 address"],
  ["mdns://?port=0", "port=0 is none from 1 to 65535"],
  ["mdns://?port=x", "port=x is none from 1 to 65535"],
  ["mdns://?layout=plain", "layout=plain is not skein, go-micro, or both with a comma"],
  ["mdns://?domain=a..b", "domain=a..b is no domain"],
  ["mdns://?goMicroDomain=a/b", "goMicroDomain=a/b is no domain"],
  ["mdns://?interfaces=127.0.0.1", 'the parameter "interfaces" is unknown'],
  ["mdns:///path", 'the path "/path" is not understood'],
])("%s is refused", (url, message) => {
  expect(() => parseMdnsUrl(url)).toThrow(message);
});
