import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { type CallContext, type DoorFactory, Rpc, RpcError, Service } from "@skein/core";
import { expect, test } from "vitest";
import { useBench } from "../test/app-bench.ts";

const bench = useBench();

@Service("desk", { version: "1.0.0" })
class DeskService {
  readonly aborted: unknown[] = [];
  running = 0;

  @Rpc() async whoami(_input: undefined, ctx: CallContext): Promise<string> {
    return ctx.peer;
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.running++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort((reason) => {
        clearTimeout(timer);
        this.aborted.push(reason);
        resolve();
      });
    });
    return ctx.timeLeftMs <= 3000 ? "3 s at most" : "more than 3 s";
  }
  @Rpc() async *count(to: number): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }
}

/** A protocol for this test: `*desk.wait 100` in a line, answers in lines; `*desk.count 3 many`; `*:PASSWORD` says who one is. */
const open = new Set<Promise<unknown>>();
const lines: DoorFactory<Socket> = (host) => ({
  name: "lines",
  protocol: "lines",
  matches: (first) => (first[0] === 0x2a ? "yes" : "no"),
  accept(socket) {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    let to = host.connect(peer);
    socket.on("end", () => socket.end());
    socket.on("close", () => to.close());
    const answer = async (line: string): Promise<void> => {
      if (line.startsWith("*:")) {
        to = host.connect(peer, line.slice(2));
        return;
      }
      const [path = "", input, many] = line.slice(1).split(" ");
      const [service = "", method = ""] = path.split(".");
      const api = to.client.service<DeskService>(service);
      const call = api.call(
        method as "count",
        input === undefined ? (undefined as never) : JSON.parse(input),
        {
          timeoutMs: 3000,
        },
      ) as unknown as Promise<unknown> & AsyncIterable<unknown>;
      try {
        if (many === undefined) socket.write(`${JSON.stringify(await call)}\n`);
        else for await (const item of call) socket.write(`${JSON.stringify(item)}\n`);
      } catch (error) {
        const { code, executed, message } = RpcError.from(error);
        socket.write(`${code} ${executed} ${message}\n`);
      }
    };
    createInterface({ input: socket }).on("line", (line) => {
      const answered = answer(line);
      open.add(answered);
      void answered.then(() => open.delete(answered));
    });
    socket.resume();
  },
  async close() {
    await Promise.all(open);
  },
});

class Peer {
  readonly socket: Socket;
  readonly #answers: AsyncIterator<string>;
  constructor(address: string) {
    this.socket = connect(Number(new URL(address).port), "127.0.0.1");
    this.#answers = createInterface({ input: this.socket })[Symbol.asyncIterator]();
  }
  async answer(): Promise<string> {
    return (await this.#answers.next()).value;
  }
  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`);
    return this.answer();
  }
}

test("behind a door all holds that holds for callers", async () => {
  const seen: string[] = [];
  const desk = new DeskService();
  const app = await bench.start([desk], {
    doors: [lines],
    interceptors: [
      (next) => (call) => {
        seen.push(`${call.service}.${call.method}`);
        return next(call);
      },
    ],
  });
  const peer = new Peer(app.address);
  const own = (await once(peer.socket, "connect")) && `127.0.0.1:${peer.socket.localPort}`;
  expect(await peer.ask("*desk.whoami")).toBe(JSON.stringify(own));
  expect(await peer.ask("*desk.wait 1")).toBe('"3 s at most"');
  expect(await peer.ask("*desk.wait 9000")).toMatch(/^DEADLINE_EXCEEDED maybe /);
  while (desk.aborted.length < 1) await peer.ask("*desk.whoami");
  expect(await peer.ask("*desk.count 2 many")).toBe("1");
  expect(await peer.answer()).toBe("2");
  expect(await peer.ask("*desk.what")).toMatch(/^UNIMPLEMENTED no .*desk has no method what/);
  expect(await peer.ask("*tusk.what")).toMatch(/^NOT_FOUND no .*did you mean desk\?/);
  expect(seen).toContain("desk.whoami");
  // It goes in mid-call: the handler is told.
  peer.socket.write("*desk.wait 9000\n");
  const other = new Peer(app.address);
  while (desk.running < 3) await other.ask("*desk.whoami");
  peer.socket.destroy();
  while (desk.aborted.length < 2) await other.ask("*desk.whoami");
  expect(desk.aborted[1]).toMatchObject({ message: "the caller's connection closed" });
  other.socket.destroy();
});

test("its protocol stands in the record, ours first, and a client of ours is none the wiser", async () => {
  const app = await bench.start([new DeskService()], { doors: [lines] });
  const [instance] = (await bench.registry.get("desk")).instances;
  const { host } = new URL(app.address);
  expect(instance?.addresses).toEqual([
    { protocol: "skein", url: `tcp://${host}` },
    { protocol: "lines", url: `lines://${host}` },
  ]);
  await using client = bench.client();
  expect(await client.service<DeskService>("desk").wait(1)).toBe("more than 3 s");
});

test("credentials are asked for behind it as well", async () => {
  const app = await bench.start([new DeskService()], {
    doors: [lines],
    authenticate: (given, _peer, service) => given === `key of ${service}`,
  });
  const peer = new Peer(app.address);
  expect(await peer.ask("*desk.whoami")).toMatch(/^UNAUTHENTICATED no /);
  peer.socket.write("*:key of desk\n");
  expect(await peer.ask("*desk.whoami")).toMatch(/^"127/);
  peer.socket.destroy();
});

test("a drain finishes what runs behind it, and refuses what comes then", async () => {
  const desk = new DeskService();
  const app = await bench.start([desk], { doors: [lines] });
  const [slow, late] = [new Peer(app.address), new Peer(app.address)];
  expect(await late.ask("*desk.wait 1")).toBe('"3 s at most"');
  const answer = slow.ask("*desk.wait 1500");
  while (desk.running < 2) await late.ask("*desk.whoami");
  const closed = app.close();
  expect(await late.ask("*desk.wait 1")).toMatch(/^UNAVAILABLE no /);
  expect(await answer).toBe('"3 s at most"');
  await closed;
  slow.socket.destroy();
  late.socket.destroy();
});

test("doors that are wrong are refused with what would be right", async () => {
  const start = (doors: unknown): Promise<unknown> =>
    bench.start([new DeskService()], { doors: doors as never });
  await expect(start(["grcp"])).rejects.toThrow(
    'option doors has "grcp": give an array of http, jsonrpc, grpc',
  );
  await expect(start("http")).rejects.toThrow("option doors is http: give an array");
  await expect(start(["http", "http"])).rejects.toThrow('option doors has "http" twice');
  await expect(start([lines, lines])).rejects.toThrow("option doors: two of them speak lines");
  const grpcDoor = () => lines;
  await expect(start([grpcDoor])).rejects.toThrow(
    "grpcDoor in option doors makes no door: what a package gives is called first, as in doors: [grpcDoor()]",
  );
});

test("when one cannot be opened, those before it are closed", async () => {
  const closed: number[] = [];
  const first: DoorFactory<Socket> = async (host) => ({
    ...(await lines(host)),
    close: async (graceMs) => void closed.push(graceMs),
  });
  const second: DoorFactory<Socket> = () => Promise.reject(new Error("no such file"));
  await expect(bench.start([new DeskService()], { doors: [first, second] })).rejects.toThrow("no such file");
  expect(closed).toEqual([0]);
});

test("a door that cannot be closed is logged, and everything else is closed", async () => {
  const stuck: DoorFactory<Socket> = async (host) => ({
    ...(await lines(host)),
    close: () => Promise.reject(new Error("it is stuck")),
  });
  const app = await bench.start([new DeskService()], { doors: [stuck] });
  await app.close();
  expect(app.state).toBe("closed");
  expect(bench.logs.find("a door could not be closed")).toMatchObject({ door: "lines", level: "error" });
});
