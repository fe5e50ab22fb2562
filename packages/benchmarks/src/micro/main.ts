import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { json, msgpack } from "@skein/codec";
import { DEFAULT_POLICY } from "@skein/core";
import { consistentHash, p2c, pickFirst, random, resilient, roundRobin, weighted } from "@skein/selector";
import { fromCaller } from "../paths.ts";
import { bareJson, bareMsgpackr, codecCases, codecUnderTest, type MessageName, messages } from "./codecs.ts";
import { measureInterceptors, WITHOUT } from "./interceptors.ts";
import { measureCases } from "./measure.ts";
import { PICK_INSTANCES, pickCase, readyCandidates, type SelectorUnderTest } from "./picks.ts";
import { type MicroSection, renderMicro } from "./report.ts";

const helpText = `npm run bench -- --micro [--out FILE.json]

CPU time of single pieces, in one process: a pick among 10,000 instances, encoding and decoding, an idle interceptor.
`;

/** @returns the exit code */
export async function micro(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { out: { type: "string" }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const sections = [
    await pickSection(PICK_INSTANCES),
    await pickSection(DEFAULT_POLICY.subset.size),
    await interceptorSection(),
    ...(await codecSections()),
  ];
  process.stdout.write(`Node ${process.version}\n\n${renderMicro(sections)}`);
  if (values.out !== undefined) {
    const file = fromCaller(values.out);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ node: process.version, sections }, null, 1)}\n`);
  }
  return 0;
}

const selectors: readonly SelectorUnderTest[] = [
  { name: "round-robin", factory: roundRobin },
  { name: "random", factory: random },
  { name: "weighted", factory: weighted },
  { name: "pick-first", factory: pickFirst },
  { name: "p2c", factory: p2c },
  { name: "p2c as clients have it by default", factory: resilient(p2c) },
  { name: "consistent-hash, by key", factory: consistentHash, keyed: true },
];

/** @param count 10,000, or what is left of them by default: a client picks among its subset */
async function pickSection(count: number): Promise<MicroSection> {
  const candidates = readyCandidates(count);
  return {
    title: `A pick among ${count.toLocaleString("en")} instances`,
    about:
      "pick() and the done() that follows it. The goal is 100 ns without a key, 400 ns by key, and no allocation.",
    results: await measureCases(selectors.map((selector) => pickCase(selector, candidates))),
  };
}

async function interceptorSection(): Promise<MicroSection> {
  return {
    title: "An interceptor that does nothing",
    about:
      "A whole call over the memory transport, both sides in this process, 64 in flight. The goal is 1 % each.",
    base: WITHOUT,
    results: await measureInterceptors(),
  };
}

async function codecSections(): Promise<MicroSection[]> {
  const sections: MicroSection[] = [];
  for (const message of Object.keys(messages) as MessageName[]) {
    const codecs = [
      codecUnderTest("skein msgpack", msgpack),
      bareMsgpackr(),
      codecUnderTest("skein json", json),
      bareJson(),
    ];
    sections.push({
      title: `Codec, ${message}`,
      about:
        "Into a buffer that is there already, and out of one; the same message over and over. Only Skein's have limits.",
      results: await measureCases(codecCases(codecs, message)),
    });
  }
  return sections;
}
