import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const LEFTOVERS = join(import.meta.dirname, "leftovers.ts");

/** In a process of its own: what is planted stays. */
function left(planted: string): readonly string[] {
  const program = `
    import { once } from "node:events";
    import { connect, createServer } from "node:net";
    import { leftovers, running } from ${JSON.stringify(LEFTOVERS)};
    const before = running();
    ${planted}
    console.log(JSON.stringify(await leftovers(before, 300)));
    process.exit();`;
  const args = ["--import", "tsx", "--input-type=module", "-e", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as readonly string[];
}

const CONNECTED = `
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {}).on("end", () => socket.destroy()).resume();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = connect({ port: server.address().port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    await once(socket, "connect");
    server.close();`;

test("nothing is left where all that was begun has ended", () => {
  expect(left(`${CONNECTED} socket.destroy(); clearInterval(setInterval(() => {}, 10));`)).toEqual([]);
});

test("what goes on is told by its kind", () => {
  expect(left("setInterval(() => {}, 10); setInterval(() => {}, 10);")).toEqual(["2 Timeout"]);
});

// It is why there is stage/reset.ts.
test("a socket that Node has lost hold of is told: nothing waits for it, and yet Node would spin at its end", () => {
  expect(left(`${CONNECTED} socket.end(); socket.resetAndDestroy();`)).toContain("1 open socket");
});
