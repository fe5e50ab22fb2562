import { type ClientHttp2Session, connect } from "node:http2";
import { silentLogger } from "@skein/core";
import { grpcDoor } from "@skein/grpc";
import { type App, createClient, Rpc, Service, serve } from "skein";
import { expect, test } from "vitest";
import type { FakeConsul } from "../../consul/src/test/fake-consul.ts";
import { httpDoor } from "../../http/src/call-door.ts";
import { roundRobin } from "../../selector/src/index.ts";
import { consulBackend } from "./backends.ts";
import { framed } from "./grpc-world.ts";

/** Within which all have heard of it, ms. */
const SHOWN_MS = 3000;
const CALLERS = 4;

@Service("desk", { version: "1.0.0" })
class DeskService {
  constructor(readonly name: string) {}
  @Rpc() async who(): Promise<string> {
    return this.name;
  }
}

/** What grpc.health.v1 says of `desk`, as it comes. */
async function* watchGrpc(session: ClientHttp2Session): AsyncGenerator<string> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Watch",
    "content-type": "application/grpc+json",
  });
  stream.on("error", () => {});
  stream.end(framed('{"service":"desk"}'));
  for await (const message of stream) yield JSON.parse((message as Buffer).subarray(5).toString()).status;
}

/** What Consul says of one instance's check, by blocking queries. */
async function* watchConsul({ address }: FakeConsul, instance: string): AsyncGenerator<string> {
  for (let index = "0"; ; ) {
    const answer = await fetch(`http://${address}/v1/health/service/desk?index=${index}&wait=10s`);
    index = answer.headers.get("x-consul-index") as string;
    const entries = (await answer.json()) as {
      readonly Service: { readonly ID: string };
      readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
    }[];
    const entry = entries.find(({ Service: { ID } }) => ID.startsWith(instance));
    yield entry?.Checks.find(({ CheckID }) => CheckID.startsWith("service:"))?.Status ?? "none";
  }
}

async function* askHttp({ address }: App): AsyncGenerator<number> {
  for (;;) {
    const answer = await fetch(`${address.replace("tcp:", "http:")}/health/ready`);
    await answer.arrayBuffer();
    yield answer.status;
  }
}

/** Resolves with the time of the moment when it says so. */
async function until<T>(source: AsyncGenerator<T>, wanted: T): Promise<number> {
  for (;;) {
    const { value, done } = await source.next();
    if (done === true) throw new Error(`it ended before it was ${String(wanted)}`);
    if (value === wanted) return performance.now();
  }
}

test("a check that fails shows everywhere soon, callers leave, and come back when it passes again", async () => {
  await using consul = await consulBackend();
  let well = true;
  const start = (name: string, checks: Record<string, () => boolean>): Promise<App> =>
    serve(new DeskService(name), {
      registry: consul.url,
      log: silentLogger,
      listen: "tcp://127.0.0.1:0",
      advertise: "127.0.0.1",
      signals: false,
      doors: [httpDoor(), grpcDoor()],
      health: { checks },
    });
  await using ill = await start("ill", { database: () => well });
  await using other = await start("other", { database: () => true });
  const [instance] = ill.services();
  expect(other.state).toBe("serving");

  await using client = createClient({ registry: consul.url, log: silentLogger, selector: roundRobin });
  const desk = client.service<DeskService>("desk");
  const calls: { readonly at: number; readonly by: string }[] = [];
  const failures: unknown[] = [];
  let calling = true;
  const caller = async (): Promise<void> => {
    while (calling) {
      const at = performance.now();
      await desk.who().then(
        (by) => calls.push({ at, by }),
        (error: unknown) => failures.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  const by = (name: string, since: number): number =>
    calls.filter((call) => call.by === name && call.at >= since).length;

  const session = connect(ill.address.replace("tcp:", "http:"));
  session.on("error", () => {});
  const ours = async function* (): AsyncGenerator<string> {
    for await (const { instances } of client.watch("desk"))
      yield instances.find(({ id }) => id === instance?.id)?.status ?? "none";
  };
  const views = {
    registry: ours(),
    consul: watchConsul(consul.fake, instance?.id ?? ""),
    grpc: watchGrpc(session),
    http: askHttp(ill),
  };
  const shown = async (registry: string, inConsul: string, grpc: string, http: number): Promise<void> => {
    const from = performance.now();
    const moments = await Promise.all([
      until(views.registry, registry),
      until(views.consul, inConsul),
      until(views.grpc, grpc),
      until(views.http, http),
    ]);
    for (const moment of moments) expect(moment - from).toBeLessThan(SHOWN_MS);
  };

  try {
    await shown("serving", "passing", "SERVING", 200);
    await expect.poll(() => Math.min(by("ill", 0), by("other", 0)), { timeout: 5000 }).toBeGreaterThan(10);
    well = false;
    await shown("not-ready", "critical", "NOT_SERVING", 503);
    const gone = performance.now() + 200;
    await expect.poll(() => by("other", gone), { timeout: 5000 }).toBeGreaterThan(200);
    expect(by("ill", gone)).toBe(0);
    const passes = performance.now();
    well = true;
    await shown("serving", "passing", "SERVING", 200);
    await expect.poll(() => by("ill", passes), { timeout: 5000 }).toBeGreaterThan(10);
    expect(calls.find((call) => call.by === "ill" && call.at >= passes)?.at).toBeLessThan(passes + 4000);
    expect(failures).toEqual([]);
  } finally {
    calling = false;
    await Promise.all(callers);
    session.destroy();
  }
}, 30_000);
