import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "./processes.ts";

const HERE = import.meta.dirname;
const NODE = ["--conditions=skein-source", "--import", "tsx"];
const TOKEN = "marker-S3cr3t";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "skein-cli-registry-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function skein(args: readonly string[], more: NodeJS.ProcessEnv = {}): Running {
  const env = { ...process.env, SKEIN_REGISTRY: "", SKEIN_NAMESPACE: "", NO_COLOR: "1", ...more };
  return start(process.execPath, [...NODE, join(HERE, "../src/main.ts"), ...args], { env });
}
const serve = (data: string, listen: string): Running =>
  skein(["registry", "--listen", listen, "--data", data, "--json"], { SKEIN_REGISTRY_TOKEN: TOKEN });

async function listening(centre: Running): Promise<string> {
  await centre.printed("listening");
  return JSON.parse(centre.stdout().split("\n")[0] as string).listening;
}

async function list(url: string) {
  await using running = skein(["list", "--json", "--registry", url]);
  running.process.stdin?.end();
  return { code: await running.ended, stdout: running.stdout(), stderr: running.stderr() };
}

test("a registry that is stopped by SIGTERM exits with 0, and comes again with what it knew", async () => {
  const data = join(directory, "registry.json");
  await using first = serve(data, "127.0.0.1:0");
  const url = await listening(first);
  const as = url.replace("//", `//${TOKEN}@`);
  const answer = await fetch(`${url}/register`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: new URLSearchParams({ name: "Arith", addr: "127.0.0.1:1234" }),
  });
  expect(answer.status).toBe(200);
  const known = { name: "arith", versions: ["0.0.0"], instances: 1 };
  expect(JSON.parse((await list(as)).stdout)).toMatchObject({ services: [known] });
  const refused = await list(url);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("a token is needed") });
  first.process.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(readFileSync(data, "utf8")).toContain("127.0.0.1:1234");
  await using second = serve(data, url.replace("http://", ""));
  expect(await listening(second)).toBe(url);
  expect(JSON.parse((await list(as)).stdout)).toMatchObject({ services: [known] });
  second.process.kill("SIGINT");
  expect(await second.ended).toBe(130);
  const texts = [
    first.stdout(),
    first.stderr(),
    second.stdout(),
    second.stderr(),
    refused.stderr,
    readFileSync(data, "utf8"),
  ];
  expect(texts.join()).not.toContain(TOKEN);
  expect(second.stderr()).toContain("restored from the snapshot");
});

test("a port that is taken is said, with exit code 1", async () => {
  await using first = serve(join(directory, "a.json"), "127.0.0.1:0");
  const url = await listening(first);
  await using second = serve(join(directory, "b.json"), url.replace("http://", ""));
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain("the port is taken: give another with --listen");
});
