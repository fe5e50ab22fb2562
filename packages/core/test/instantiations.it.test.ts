import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { createScratch, root } from "./scratch.ts";

// What 3,000 endpoints, each called once, cost the compiler: 100 services of 30. Linear in them, so a project feels its own part of it.
const SERVICES = 100;
const METHODS = 30;
const run = promisify(execFile);
const scratch = createScratch();
afterAll(() => scratch[Symbol.dispose]());

const HEAD = `import {
  type CallContext, type Client, clientStream, defineService, Rpc, serverStream, Service, unary,
} from "@skein/core";
interface Row { id: string; at: number }
type Filter = { like: string };
`;
const decorated = [
  (m: string) =>
    `@Rpc({ idempotent: true }) async ${m}({ id }: { id: string }): Promise<Row> { return { id, at: 0 }; }`,
  (m: string) => `@Rpc() async *${m}(f: Filter, ctx: CallContext): AsyncGenerator<Row> { void [f, ctx]; }`,
  (m: string) =>
    `@Rpc({ kind: "client-stream" }) async ${m}(rows: AsyncIterable<Row>): Promise<number> { void rows; return 0; }`,
];
const specified = [
  (m: string) => `${m}: unary<{ id: string }, Row>({ idempotent: true }),`,
  (m: string) => `${m}: serverStream<Filter, Row>(),`,
  (m: string) => `${m}: clientStream<Row, number>(),`,
];
const calls = [
  (s: string, m: string) => `void ${s}.${m}({ id: "" }).then((row) => row.at);`,
  (s: string, m: string) => `for await (const row of ${s}.${m}({ like: "" }, { timeoutMs: 5 })) void row.at;`,
  (s: string, m: string) => `void ${s}.call("${m}", []).then((n) => n.toFixed());`,
];
const list = (length: number, line: (i: number) => string) =>
  Array.from({ length }, (_, i) => line(i)).join("\n");
const methods = (shapes: readonly ((m: string) => string)[]) =>
  list(METHODS, (m) => shapes[m % shapes.length]?.(`m${m}`) ?? "");

const ways = {
  classes: (s: number) => `@Service("s${s}") class S${s} {\n${methods(decorated)}\n}`,
  contracts: (s: number) =>
    `const contract${s} = defineService("s${s}", {\n${methods(specified)}\n});\ntype S${s} = typeof contract${s};`,
};
const program = (service: (s: number) => string): string => `${HEAD}
${list(SERVICES, service)}
declare const client: Client<{ ${list(SERVICES, (s) => `s${s}: S${s};`)} }>;
${list(
  SERVICES,
  (s) =>
    `const c${s} = client.service("s${s}");\n${list(METHODS, (m) => calls[m % calls.length]?.(`c${s}`, `m${m}`) ?? "")}`,
)}
// @ts-expect-error a typo is still seen
void c99.m30;
`;

/** The compiler's own count; the types of core are in it. One thread: several each count what they share. */
async function instantiations(name: string, text: string): Promise<number> {
  const config = {
    extends: join(root, "tsconfig.test.base.json"),
    compilerOptions: { paths: { "@skein/core": [join(root, "packages/core/src/index.ts")] } },
    files: ["main.ts"],
  };
  scratch.write(`${name}/main.ts`, text);
  const project = scratch.write(`${name}/tsconfig.json`, JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", project, "--extendedDiagnostics", "--singleThreaded"];
  const { stdout } = await run(process.execPath, args).catch((failed: { stdout: string }) => {
    throw new Error(failed.stdout.slice(0, 2000));
  });
  const count = /^Instantiations:\s+(\d+)$/m.exec(stdout)?.[1];
  if (count === undefined) throw new Error(`tsc printed no count of instantiations:\n${stdout}`);
  return Number(count);
}

test.each([
  ["classes", 1_000_000],
  ["contracts", 250_000],
] as const)("3,000 endpoints in %s, each called", { timeout: 120_000 }, async (way, most) => {
  const count = await instantiations(way, program(ways[way]));
  console.log(`${SERVICES * METHODS} endpoints in ${way}: ${count.toLocaleString("en")} instantiations`);
  expect(count).toBeLessThan(most);
});
