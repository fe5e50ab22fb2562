import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, start } from "./processes.ts";

const HERE = import.meta.dirname;
const NODE = ["--conditions=skein-source", "--import", "tsx"];

let directory: string;
let env: NodeJS.ProcessEnv;
let service: Running;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "skein-cli-"));
  env = { ...process.env, SKEIN_REGISTRY: `local:${directory}`, SKEIN_NAMESPACE: "", NO_COLOR: "" };
  service = start(process.execPath, [...NODE, join(HERE, "programs/user.main.ts")], { env });
  await service.printed("serving user 1.2.0");
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function skein(...args: string[]): Running {
  return start(process.execPath, [...NODE, join(HERE, "../src/main.ts"), ...args], { env });
}

/** Runs to its end. */
async function ran(...args: string[]) {
  await using running = skein(...args);
  running.process.stdin?.end();
  const code = await running.ended;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

describe("the command beside a running service", () => {
  test("list names the registry and what is in it", async () => {
    const { code, stdout, stderr } = await ran("list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      `registry local:${directory}/default\nSERVICE  VERSIONS  INSTANCES\nuser     1.2.0             1\n`,
    );
  });

  test("describe shows endpoints, schema and instance", async () => {
    const { code, stdout, stderr } = await ran("describe", "user");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+ {2}1\.2\.0 {4}serving +\d+s +- {5}[\w-]+$/m);
    expect(stdout).toMatch(/^getUser +unary +yes +4 s +normal$/m);
    expect(stdout).toMatch(/^registration held since \d{4}-\S+Z in local:\S+$/m);
    expect(stdout).toMatch(/^count +server-stream +no +- +normal$/m);
    expect(stdout).toContain(
      'getUser input: {"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}',
    );
  });

  test("call prints the answer, sends metadata, takes a stream from the standard input", async () => {
    expect(await ran("call", "user", "getUser", '{"id":"7"}', "--json", "--version", "^1.1")).toEqual({
      code: 0,
      stdout: '{"id":"7","name":"Ada"}\n',
      stderr: "",
    });
    expect(
      JSON.parse((await ran("call", "user", "whoAmI", "--metadata", "tenant=acme")).stdout),
    ).toMatchObject({
      tenant: "acme",
    });
    await using sum = skein("call", "user", "sum", "-");
    sum.process.stdin?.end("1\n2\n39\n");
    expect(await sum.ended).toBe(0);
    expect(sum.stdout()).toBe("42\n");
  });

  test("failures have their exit codes and say what happened", async () => {
    const gone = await ran("call", "user", "getUser", '{"id":"gone"}', "--json");
    expect(gone.code).toBe(1);
    expect(JSON.parse(gone.stderr).error).toMatchObject({
      code: "NOT_FOUND",
      executed: "yes",
      details: { id: "gone" },
    });
    const invalid = await ran("call", "user", "getUser", "{}");
    expect(invalid.code).toBe(1);
    expect(invalid.stderr).toMatch(/^INVALID_ARGUMENT: .*id.*\n {2}executed: no/);
    expect(await ran("describe", "usr")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("did you mean user?"),
    });
    expect(await ran("call", "user", "getUser", "--version", "^2")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("^2"),
    });
    expect(await ran("list", "--registry", "nowhere://x")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nowhere"),
    });
  });

  test("whoever has read enough of a stream ends it, without a word", async () => {
    await using counting = skein("call", "user", "count");
    await counting.printed("0\n1\n2\n");
    counting.process.stdout?.destroy();
    expect(await counting.ended).toBe(0);
    expect(counting.stderr()).toBe("");
  });

  test("Ctrl-C cancels the call at the service and exits with 130", async () => {
    await using waiting = skein("call", "user", "wait");
    await waiting.printed("begun");
    waiting.process.kill("SIGINT");
    expect(await waiting.ended).toBe(130);
    expect(waiting.stderr()).toBe("");
    await service.printed("wait was aborted");
  });

  test("Ctrl-C while it reads the standard input", async () => {
    await using summing = skein("call", "user", "sum", "-");
    summing.process.stdin?.write("4711\n");
    await service.printed("sum was given 4711");
    summing.process.kill("SIGINT");
    expect(await summing.ended).toBe(130);
    expect(summing.stderr()).toBe("");
  });

  test("bench prints what it measured", async () => {
    const { code, stdout, stderr } = await ran(
      "bench",
      "user",
      "getUser",
      '{"id":"7"}',
      "-d",
      "1s",
      "--json",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      service: "user",
      method: "getUser",
      concurrency: 16,
      failed: 0,
      errors: {},
    });
    expect(document.ok).toBeGreaterThanOrEqual(16);
    expect(document.latencyMs.p99).toBeGreaterThanOrEqual(document.latencyMs.p50);
  });

  test("watch sees an instance come and go", async () => {
    await using watching = skein("watch", "--json");
    await watching.printed('"added"');
    await using second = start(process.execPath, [...NODE, join(HERE, "programs/user.main.ts")], { env });
    await second.printed("serving user 1.2.0");
    await expect.poll(() => watching.stdout().split('"added"').length).toBe(3);
    second.process.kill("SIGTERM");
    expect(await second.ended).toBe(0);
    await watching.printed('"removed"');
    watching.process.kill("SIGINT");
    expect(await watching.ended).toBe(130);
  });
});
