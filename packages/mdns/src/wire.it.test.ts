import { deflateSync, inflateSync } from "node:zlib";
import { sampleInstance, Watched } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRegistry } from "./create-registry.ts";
import {
  nameBytes,
  queryBytes,
  recordBytes,
  responseBytes,
  srvBytes,
  stringsBytes,
  u16,
} from "./test/dns-bytes.ts";
import { RawPeer } from "./test/raw-peer.ts";
import { freeUdpPort } from "./test/udp-port.ts";

/** What is seen by a peer, and said by one, as bytes on real UDP. */
let port: number;
let peer: RawPeer;
let registry: Registry;
const harness = { pass: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)) };

beforeEach(async () => {
  port = await freeUdpPort();
  peer = await RawPeer.join(port);
  registry = open("go-micro");
});
afterEach(async () => {
  await registry.close();
  await peer.close();
});

function open(layout: string): Registry {
  const url = `mdns://?interface=127.0.0.1&port=${port}&layout=${layout}`;
  return createRegistry(url, { runtime, logger: silentLogger });
}
const instance = sampleInstance("greeter", {
  id: "2682e002",
  addresses: [{ protocol: "http", url: "http://127.0.0.1:18080" }],
});
const node = "greeter-2682e002.greeter.micro";

/** hex(zlib(JSON)) in strings of up to 255 characters. */
function txtBytes(json: string): Buffer {
  const hex = deflateSync(json).toString("hex");
  return stringsBytes(hex.match(/.{1,255}/g) ?? []);
}

test("go-micro, golden: the announcement of an instance, byte by byte", async () => {
  const lease = await registry.lease({ ttlMs: 600_000 });
  const before = Date.now();
  await lease.put(instance);
  await vi.waitFor(() => expect(peer.heard.length).toBeGreaterThan(0), { timeout: 10_000 });
  const [message = Buffer.alloc(0)] = peer.heard;
  const hex = message.toString("latin1").match(/789c[0-9a-f]+/)?.index;
  expect(hex).toBeGreaterThan(0);
  const written = writtenIn(message);
  expect(written).toBeGreaterThanOrEqual(before);
  const ours = JSON.stringify(JSON.stringify({ instance, lease: leaseIn(message), written }));
  const json =
    `{"Metadata":{"broker":"http","protocol":"mucp","registry":"mdns","server":"mucp","skein":${ours},"transport":"http"},` +
    `"Service":"greeter","Version":"1.0.0","Endpoints":[]}`;
  const host = nameBytes("ip-127-0-0-1.micro");
  expect(message.toString("hex")).toBe(
    responseBytes([
      recordBytes(nameBytes("greeter.micro"), "PTR", 120, nameBytes(node)),
      recordBytes(nameBytes(node), "SRV", 120, srvBytes(18080, host)),
      recordBytes(host, "A", 120, Buffer.from([127, 0, 0, 1])),
      recordBytes(nameBytes(node), "TXT", 120, txtBytes(json)),
    ]).toString("hex"),
  );
});

function skeinIn(message: Buffer): { lease: string; written: number } {
  const from = message.indexOf(u16(16, 1, 0, 120)) + 8;
  const rdata = message.subarray(from + 2, from + 2 + message.readUInt16BE(from));
  let hex = "";
  for (let at = 0; at < rdata.length; at += 1 + (rdata[at] as number))
    hex += rdata.toString("latin1", at + 1, at + 1 + (rdata[at] as number));
  const json = JSON.parse(inflateSync(Buffer.from(hex, "hex")).toString()) as { Metadata: { skein: string } };
  return JSON.parse(json.Metadata.skein) as { lease: string; written: number };
}
const writtenIn = (message: Buffer): number => skeinIn(message).written;
const leaseIn = (message: Buffer): string => skeinIn(message).lease;

test("go-micro: a query of its client, from a port of its own, is answered to all; a listing too", async () => {
  const lease = await registry.lease({ ttlMs: 600_000 });
  await lease.put(instance);
  await harness.pass(1500);
  for (const [name, target] of [
    ["greeter.micro", node],
    ["_services.micro", "greeter._services.micro"],
  ] as const) {
    peer.heard.length = 0;
    await peer.say(queryBytes(name, 12));
    const pointer = recordBytes(nameBytes(name), "PTR", 120, nameBytes(target));
    await vi.waitFor(() => expect(peer.heard.some((m) => m.includes(pointer))).toBe(true), { timeout: 5000 });
  }
});

test("go-micro: gone is TTL 0 of the same records", async () => {
  const lease = await registry.lease({ ttlMs: 600_000 });
  await lease.put(instance);
  await lease.release();
  const pointer = recordBytes(nameBytes("greeter.micro"), "PTR", 0, nameBytes(node));
  await vi.waitFor(() => expect(peer.heard.some((m) => m.includes(pointer))).toBe(true), { timeout: 10_000 });
});

test("go-micro: records as Go writes them, with compressed names, become an instance; TTL 0 ends it", async () => {
  const watched = new Watched(registry, "greeter");
  await watched.until((s) => s.instances.length === 0, harness, 2000);
  const said = (ttl: number): Buffer => {
    const json =
      '{"Metadata":{"broker":"http","protocol":"mucp","registry":"mdns","server":"mucp","transport":"http"},' +
      '"Service":"greeter","Version":"1.0.0","Endpoints":[{"name":"Greeter.Hello","request":null,"response":null,"metadata":{}}]}';
    // greeter.micro is at 12; the node's name, which ends with it, is the first record's data.
    const at = 12 + nameBytes("greeter.micro").length + 10;
    const pointerTo = (offset: number): Buffer => u16(0xc000 | offset);
    const target = Buffer.concat([Buffer.from([9]), Buffer.from("greeter-9"), pointerTo(12)]);
    return responseBytes([
      recordBytes(nameBytes("greeter.micro"), "PTR", ttl, target),
      recordBytes(pointerTo(at), "SRV", ttl, srvBytes(18081, nameBytes("machine"))),
      recordBytes(nameBytes("machine"), "A", ttl, Buffer.from([10, 0, 0, 9])),
      recordBytes(pointerTo(at), "TXT", ttl, txtBytes(json)),
    ]);
  };
  await peer.say(said(120));
  const { instances } = await watched.until((s) => s.instances.length === 1, harness, 2000);
  expect(instances[0]).toMatchObject({
    id: "greeter-9",
    version: "1.0.0",
    addresses: [{ protocol: "go-micro", url: "http://10.0.0.9:18081" }],
  });
  await peer.say(said(0));
  await watched.until((s) => s.instances.length === 0, harness, 2000);
  await watched.stop();
});

test("garbage on the wire ends nothing", async () => {
  const watched = new Watched(registry, "greeter");
  const lease = await registry.lease({ ttlMs: 60_000 });
  await lease.put(instance);
  await watched.until((s) => s.instances.length === 1, harness, 2000);
  const [sound = Buffer.alloc(0)] = peer.heard.filter((m) => m.includes("789c"));
  for (let n = 0; n < 3000; n++) {
    const bytes = Buffer.from(
      n % 3 === 0 ? Buffer.alloc(1 + (n % 200)) : sound.subarray(0, sound.length - (n % 400)),
    );
    for (let k = 0; k < 8; k++) bytes[Math.floor(Math.random() * bytes.length)] = Math.random() * 256;
    await peer.say(bytes);
  }
  await harness.pass(500);
  expect((await registry.get("greeter")).instances.find((i) => i.id === instance.id)).toEqual(instance);
  await watched.stop();
});

test("an interface that is not there is said, with those that are", async () => {
  const url = `mdns://?interface=203.0.113.7&port=${port}`;
  const away = createRegistry(url, { runtime, logger: silentLogger });
  await expect(away.check?.()).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(
      /interface=203\.0\.113\.7 is no address of this machine: give one of .*127\.0\.0\.1/,
    ),
  });
  await expect(away.lease({ ttlMs: 1000 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await away.close();
  await expect(registry.check?.()).resolves.toBeUndefined();
});

test("several interfaces: what comes twice counts once, one that cannot be used hinders no other", async () => {
  const url = `mdns://?interface=127.0.0.1,127.0.0.2,203.0.113.7&port=${port}`;
  const several = createRegistry(url, { runtime, logger: silentLogger });
  const other = open("skein");
  try {
    const lease = await several.lease({ ttlMs: 10_000 });
    await lease.put(instance);
    expect((await other.get("greeter")).instances).toEqual([instance]);
    const { revision } = await other.get("greeter");
    await lease.renew();
    expect((await other.get("greeter")).revision).toBe(revision);
    expect((await several.get("greeter")).instances).toEqual([instance]);
  } finally {
    await Promise.all([several.close(), other.close()]);
  }
});
