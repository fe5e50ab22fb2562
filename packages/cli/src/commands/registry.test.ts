import { expect, test } from "vitest";
import { harness, Screen } from "../../test/harness.ts";
import { EXIT } from "../exit.ts";
import type { CliIo } from "../io.ts";
import { type RegistryFlags, registry, type StartCentre } from "./registry.ts";

type Started = Parameters<StartCentre>[0];

/** The command around a centre that a test makes up. */
function made(env: Record<string, string> = {}) {
  const screen = new Screen(false);
  const interrupt = new AbortController();
  const terminate = new AbortController();
  const started: Started[] = [];
  const state = { closed: 0, fails: false };
  const io = { stdout: screen, stderr: screen, env, interrupted: interrupt.signal } as unknown as CliIo;
  const start: StartCentre = async (options) => {
    started.push(options);
    return {
      url: `http://${options.listen}`,
      async close() {
        state.closed++;
        if (state.fails) throw new Error("the snapshot cannot be written");
      },
    };
  };
  const run = (flags: Partial<RegistryFlags> = {}) =>
    registry(io, { listen: "127.0.0.1:8800", ...flags }, { start, terminated: terminate.signal });
  return { screen, interrupt, terminate, started, state, run };
}

test("says where it listens, and ends with 0 at SIGTERM, with 130 at Ctrl-C, having closed", async () => {
  for (const how of ["terminate", "interrupt"] as const) {
    const made1 = made();
    const running = made1.run({ data: "/var/registry.json" });
    await made1.screen.until("services and clients");
    expect(made1.screen.text).toBe(
      "registry listening on http://127.0.0.1:8800; state in /var/registry.json; Ctrl-C ends\nservices and clients: SKEIN_REGISTRY=http://127.0.0.1:8800\n",
    );
    expect([made1.state.closed, made1.started[0]?.dataFile]).toEqual([0, "/var/registry.json"]);
    made1[how].abort();
    expect(await running).toBe(how === "terminate" ? EXIT.ok : EXIT.interrupted);
    expect(made1.state.closed).toBe(1);
  }
});

test("the token comes from a flag or the environment, and is not shown", async () => {
  for (const [flags, env] of [
    [{ token: "S3cret" }, {}],
    [{}, { SKEIN_REGISTRY_TOKEN: "S3cret" }],
    [{ token: "S3cret" }, { SKEIN_REGISTRY_TOKEN: "other" }],
  ] as const) {
    const { run, started, screen, terminate } = made(env);
    terminate.abort();
    await run({ ...flags, listen: "0.0.0.0:8800" });
    expect(started[0]?.token).toBe("S3cret");
    expect(screen.text).not.toContain("S3cret");
    expect(screen.text).toContain("SKEIN_REGISTRY=http://TOKEN@HOST:8800");
  }
});

test("--json is a document", async () => {
  const { run, screen, terminate } = made();
  terminate.abort();
  await run({ json: true });
  expect(JSON.parse(screen.text)).toEqual({ listening: "http://127.0.0.1:8800", token: false });
});

test("a token that no header can hold is wrong usage, and not shown", async () => {
  const failed = await made()
    .run({ token: "S3 cret" })
    .catch((error: Error) => error);
  expect(failed).toMatchObject({ name: "CliError", exitCode: EXIT.usage });
  expect(String(failed)).not.toContain("cret");
});

test("a snapshot that could not be written in the end is a failure", async () => {
  const { run, state, terminate } = made();
  state.fails = true;
  terminate.abort();
  await expect(run()).rejects.toThrow("the snapshot cannot be written");
});

test.each(["8800", "host", "host:99999", ":8800x"])("--listen %s is wrong usage", async (listen) => {
  const { run, stderr } = harness();
  expect(await run("registry", "--listen", listen)).toBe(EXIT.usage);
  expect(stderr.text).toContain("A host and a port such as 127.0.0.1:8800 are expected.");
});
