import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "../../test/processes.ts";

const NODE = ["--conditions=skein-source", "--import", "tsx"];
const MAIN = join(import.meta.dirname, "../main.ts");
const USER = join(import.meta.dirname, "../../test/programs/user.main.ts");

let directory: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "skein-cli-gateway-"));
  env = { ...process.env, SKEIN_REGISTRY: `local:${directory}`, SKEIN_NAMESPACE: "", NO_COLOR: "1" };
});
afterAll(() => rmSync(directory, { recursive: true }));

async function user(): Promise<Running> {
  const running = start(process.execPath, [...NODE, USER], { env });
  await running.printed("serving user 1.2.0");
  return running;
}
function skein(...args: string[]): Running {
  return start(process.execPath, [...NODE, MAIN, ...args], { env });
}
async function listening(gateway: Running): Promise<string> {
  await gateway.printed("listening");
  return JSON.parse(gateway.stdout().split("\n")[0] as string).listening;
}

function getUser(url: string, id: string): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${url}/user/getUser`, { method: "POST", headers, body: JSON.stringify({ id }) });
}

test("two instances, one of them killed under requests: no call of an idempotent method fails", async () => {
  await using first = await user();
  await using second = await user();
  await using gateway = skein("gateway", "--listen", "127.0.0.1:0", "--json");
  const url = await listening(gateway);
  let running = true;
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  const caller = async (): Promise<void> => {
    for (let n = 0; running; n++) {
      const answer = await getUser(url, String(n));
      const text = await answer.text();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (text !== `{"id":"${n}","name":"Ada"}\n`) failures.push(text);
    }
  };
  const callers = [caller(), caller(), caller(), caller()];
  const served = (count: number) =>
    expect.poll(() => statuses.get(200), { timeout: 15_000 }).toBeGreaterThan(count);
  await served(200);
  first.process.kill("SIGKILL");
  await first.ended;
  await served((statuses.get(200) as number) + 500);
  running = false;
  await Promise.all(callers);
  expect(failures).toEqual([]);
  expect([...statuses.keys()]).toEqual([200]);
  expect(second.process.exitCode).toBe(null);
}, 60_000);

test("kinds, schemas and errors are the services'; what comes later is found", async () => {
  await using gateway = skein("gateway", "--listen", "127.0.0.1:0", "--json");
  const url = await listening(gateway);
  const unknown = await getUser(url, "1");
  expect([unknown.status, ((await unknown.json()) as any).message]).toEqual([404, 'no service "user" here']);
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  await using service = await user();
  await expect.poll(async () => (await getUser(url, "1")).status, { timeout: 10_000 }).toBe(200);
  const gone = await getUser(url, "gone");
  expect([gone.status, await gone.json()]).toEqual([
    404,
    { code: "NOT_FOUND", message: "no user has the id gone", details: { id: "gone" }, executed: "yes" },
  ]);
  const api = (await (await fetch(`${url}/openapi.json`)).json()) as any;
  expect(api.components.schemas["user.getUser.input"].required).toEqual(["id"]);
  const answer = await fetch(`${url}/user/wait`, { method: "POST", signal: AbortSignal.timeout(15_000) });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('"begun"\n');
  await reader.cancel();
  await service.printed("wait was aborted");
  const sum = await fetch(`${url}/user/sum`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: "1\n2\n",
  });
  expect(await sum.json()).toBe(3);
});

test("SIGTERM: what runs is finished, then it exits with 0", async () => {
  await using service = await user();
  await using gateway = skein("gateway", "--listen", "127.0.0.1:0", "--json", "--service", "user,order");
  const url = await listening(gateway);
  const sum = new AbortController();
  let send: (text: string) => void = () => {};
  let done: () => void = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (text) => controller.enqueue(new TextEncoder().encode(text));
      done = () => controller.close();
    },
  });
  const answer = fetch(`${url}/user/sum`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body,
    duplex: "half",
    signal: sum.signal,
  } as RequestInit);
  send("40\n");
  await service.printed("sum was given 40");
  gateway.process.kill("SIGTERM");
  await expect
    .poll(() =>
      getUser(url, "1").then(
        () => "answered",
        () => "refused",
      ),
    )
    .toBe("refused");
  send("2\n");
  done();
  expect(await (await answer).json()).toBe(42);
  expect(await gateway.ended).toBe(0);
});

test("only the services that are named; --help; a port that is taken; flags that are wrong", async () => {
  await using service = await user();
  await using gateway = skein(
    "gateway",
    "--listen",
    "127.0.0.1:0",
    "--json",
    "--service",
    "order",
    "--cors",
    "https://app.example",
  );
  const url = await listening(gateway);
  expect((await getUser(url, "1")).status).toBe(404);
  const preflight = await fetch(`${url}/order/x`, {
    method: "OPTIONS",
    headers: { origin: "https://app.example" },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example");
  const ended = async (...args: string[]) => {
    await using running = skein("gateway", ...args);
    const code = await running.ended;
    return `${code} ${running.stdout()}${running.stderr()}`;
  };
  expect(await ended("--listen", url.replace("http://", ""))).toMatch(
    /^1 cannot listen on 127\.0\.0\.1:\d+: the port is taken: give another with --listen/m,
  );
  expect(await ended("--help")).toMatch(/^0 Usage: skein gateway[\s\S]*--cors <origins>[\s\S]*SIGTERM/);
  expect(await ended("--listen", "here")).toMatch(/^2 error: [\s\S]*A host and a port such as/);
  expect(await ended("--service", "a,,b")).toMatch(/^2 error: [\s\S]*Names separated by commas/);
  expect(await ended("--cors", "app.example")).toMatch(/^1 httpDoor: cors\.origins has "app\.example"/);
  expect(await ended("--registry", "nosuch://x")).toMatch(/^1 /);
  expect(service.process.exitCode).toBe(null);
}, 60_000);
