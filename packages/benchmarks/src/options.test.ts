import { describe, expect, test } from "vitest";
import { BASE, defaultAdapters, splitAdapters } from "./catalogue.ts";
import { parseBenchArgs } from "./options.ts";

const run = (...args: string[]) => {
  const command = parseBenchArgs(args);
  if (command.kind !== "run") throw new Error(`expected a run, got ${command.kind}`);
  return command;
};

describe("splitAdapters", () => {
  test("a comma inside a variant does not end the adapter", () => {
    expect(splitAdapters("skein,raw-net:no-rec,early=4096,nest,http:fetch")).toEqual([
      "skein",
      "raw-net:no-rec,early=4096",
      "nest",
      "http:fetch",
    ]);
  });
  test("semicolons and blanks separate as well", () => {
    expect(splitAdapters(" raw-net:map,async;raw-net skein ")).toEqual([
      "raw-net:map,async",
      "raw-net",
      "skein",
    ]);
  });
});

describe("parseBenchArgs", () => {
  test("without arguments: everything, the base first", () => {
    const { options, out } = run();
    expect(options.adapters).toEqual(defaultAdapters);
    expect(options.adapters[0]).toBe(BASE);
    expect(options.concurrencies).toEqual([1, 64, 512]);
    expect(out).toBeUndefined();
  });
  test("--quick: only skein and the base", () => {
    expect(run("--quick").options.adapters).toEqual([BASE, "skein"]);
  });
  test("--nats: what speaks through a NATS server, beside its own request/reply, in sizes that it takes", () => {
    const { options } = run("--nats");
    expect(options.adapters).toEqual(["nats-raw", "skein:nats", "moleculer:nats", "nest:nats"]);
    expect(options).toMatchObject({ base: "nats-raw", size: "300b", concurrencies: [1, 64] });
    expect(options.phases).toEqual(["conc", "10k", "900k", "stream"]);
    expect(defaultAdapters.filter((id) => id.includes("nats"))).toEqual([]);
  });
  test("the base is measured even when it is not named", () => {
    expect(run("--adapters", "nest", "--base", "http").options.adapters).toEqual(["http", "nest"]);
  });
  test("--from prints", () => {
    expect(parseBenchArgs(["--from", "a.json,b.json"])).toEqual({
      kind: "print",
      files: ["a.json", "b.json"],
      base: undefined,
    });
  });
  test.each([
    [["--rounds", "0"], '--rounds takes a number above 0, not "0"'],
    [["--rounds", "1.5"], '--rounds takes a whole number, not "1.5"'],
    [["--seconds", "x"], '--seconds takes a number above 0, not "x"'],
    [["--conc", "1,many"], '--conc takes a number above 0, not "many"'],
    [["--phases", "conc,10m"], '--phases takes some of conc, half, 10k, 900k, 1m, stream, not "10m"'],
    [
      ["--adapters", "thrift"],
      'no adapter is named "thrift"; there are skein, raw-net, nats-raw, moleculer, nest, grpc-js, skein-grpc, connect, http, skein-http, trpc, go-netrpc, go-grpc',
    ],
  ])("%j is refused", (args, message) => {
    expect(() => parseBenchArgs(args)).toThrow(new Error(message));
  });
});
