import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { fromCaller } from "../paths.ts";
import { bareJson, bareMsgpackr, codecCases, type MessageName, messages } from "./codecs.ts";
import { measureCases } from "./measure.ts";
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
  const sections = await codecSections();
  process.stdout.write(`Node ${process.version}\n\n${renderMicro(sections)}`);
  if (values.out !== undefined) {
    const file = fromCaller(values.out);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ node: process.version, sections }, null, 1)}\n`);
  }
  return 0;
}

async function codecSections(): Promise<MicroSection[]> {
  const sections: MicroSection[] = [];
  for (const message of Object.keys(messages) as MessageName[])
    sections.push({
      title: `Codec, ${message}`,
      about: "Into a buffer that is there already, and out of one; the same message over and over.",
      results: await measureCases(codecCases([bareMsgpackr(), bareJson()], message)),
    });
  return sections;
}
