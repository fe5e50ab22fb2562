import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { complaints, runScenario } from "./run.ts";
import type { Outcome, Scenario } from "./scenario.ts";
import { OpenLoad } from "./stage/open-load.ts";
import { reset } from "./stage/reset.ts";
import type { Stage } from "./stage/stage.ts";

const NOTHING: Outcome = { n: 0, findings: [] };

async function played(run: (stage: Stage) => Promise<void>): Promise<readonly string[]> {
  const scenario: Scenario = {
    name: "planted",
    fault: "planted",
    control: "nothing",
    async run(stage) {
      await run(stage);
      return NOTHING;
    },
  };
  const options = { full: false, controls: false, goneMs: 100, log: () => {} };
  return complaints(await runScenario(scenario, options), false);
}

function load(stage: Stage): OpenLoad {
  const plan = { method: "again", idempotent: true, timeoutMs: 1000, send: async () => undefined };
  return new OpenLoad(stage, 1000, () => plan);
}

test("what a scenario has made of its stage ends with it, and when it throws too", async () => {
  const all = async (stage: Stage): Promise<void> => {
    stage.every(1, () => {});
    await load(stage).more(5);
  };
  expect(await played(all)).toEqual([]);
  const [error] = await played(async (stage) => {
    await all(stage);
    throw new Error("in the middle");
  });
  expect(error).toMatch(/^Error: in the middle\n/);
});

test("a timer that is left is told", async () => {
  const timers: NodeJS.Timeout[] = [];
  // Of those that were there before, some may have fired meanwhile.
  const [error] = await played(async () => {
    for (let n = 0; n < 9; n++) timers.push(setInterval(() => {}, 1000));
  });
  for (const timer of timers) clearInterval(timer);
  expect(error).toMatch(/^it left something running: \d Timeout$/);
});

test("a stage that cannot be ended is told, and all else of it is ended", async () => {
  let ended = false;
  const [error] = await played(async (stage) => {
    stage.atEnd(async () => {
      ended = true;
    });
    stage.atEnd(() => Promise.reject(new Error("stuck")));
  });
  expect(error).toMatch(/^AggregateError: the scenario did not end: Error: stuck/);
  expect(ended).toBe(true);
});

async function connected(stage: Stage): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    stage.atEnd(async () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  stage.atEnd(async () => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

test("a connection is reset while its end is on the way, and its socket does not stay", async () => {
  expect(
    await played(async (stage) => {
      const socket = await connected(stage);
      reset(socket.end());
    }),
  ).toEqual([]);
});

test("a connection is reset after its end has left", async () => {
  expect(
    await played(async (stage) => {
      const socket = await connected(stage);
      await once(socket.end(), "finish");
      reset(socket);
      await once(socket, "close");
    }),
  ).toEqual([]);
});
