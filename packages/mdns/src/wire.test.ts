import { describe, expect, test } from "vitest";
import { AIM_BYTES, bytesOf, type DnsRecord, queriesOf, responsesOf } from "./wire.ts";

const ptr = (n: number): DnsRecord => ({
  type: "PTR",
  name: "user._sub._skein._tcp.local",
  ttl: 10,
  data: `user~${n}._skein._tcp.local`,
});

describe("messages", () => {
  test("the bytes of records are those that are sent", () => {
    // Header 12; name 1+4+1+5+1 = 12, fixed 10, data 12.
    expect(bytesOf([{ type: "PTR", name: "user.local", ttl: 1, data: "user.micro" }])).toBe(
      12 + 12 + 10 + 12,
    );
    const data = { priority: 0, weight: 0, port: 1, target: "h.local" };
    expect(bytesOf([{ type: "SRV", name: "a.local", ttl: 1, data }])).toBe(12 + 9 + 10 + 6 + 9);
    expect(bytesOf([{ type: "A", name: "a.local", ttl: 1, data: "10.0.0.1" }])).toBe(12 + 9 + 10 + 4);
    expect(bytesOf([{ type: "AAAA", name: "a.local", ttl: 1, data: "::1" }])).toBe(12 + 9 + 10 + 16);
    const txt = [new Uint8Array(3), new Uint8Array(0)];
    expect(bytesOf([{ type: "TXT", name: "a.local", ttl: 1, data: txt }])).toBe(12 + 9 + 10 + 4 + 1);
  });

  test("sets of records share messages, but are never torn", () => {
    const sets = Array.from({ length: 40 }, (_, n) => [ptr(n), ptr(n + 100)]);
    const messages = responsesOf(sets).map((m) => (m.type === "response" ? m.records : []));
    expect(messages.flat()).toEqual(sets.flat());
    expect(messages.length).toBe(Math.ceil(bytesOf(sets.flat()) / AIM_BYTES));
    for (const records of messages) {
      expect(bytesOf(records)).toBeLessThanOrEqual(AIM_BYTES);
      expect(records.length % 2).toBe(0);
    }
  });

  test("a set over the aim goes alone", () => {
    const large: DnsRecord = {
      type: "TXT",
      name: "a.local",
      ttl: 1,
      data: Array(20).fill(new Uint8Array(255)),
    };
    expect(
      responsesOf([[ptr(1)], [large], [ptr(2)]]).map((m) => (m.type === "response" ? m.records : [])),
    ).toEqual([[ptr(1)], [large], [ptr(2)]]);
  });

  test("questions share messages", () => {
    const questions = Array.from({ length: 100 }, (_, n) => ({ name: `service-${n}.micro`, type: "PTR" }));
    const messages = queriesOf(7, questions);
    expect(messages.length).toBe(2);
    expect(messages.flatMap((m) => (m.type === "query" ? m.questions : []))).toEqual(questions);
  });
});
