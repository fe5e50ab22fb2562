import { request } from "node:https";
import { expect, test } from "vitest";
import { certificates } from "../../transport/src/test/certificates.ts";
import { useDesk } from "./test/bench.ts";

const desks = useDesk();

function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const { ca } = certificates.anonymous;
    const made = request({ host: "127.0.0.1", port, path, headers, ca, method: "POST" }, async (message) => {
      let text = "";
      for await (const chunk of message.setEncoding("utf8")) text += chunk;
      resolve([message.statusCode, text]);
    });
    made.on("error", reject).end(body);
  });
}

test("over TLS it is the same, and the record says https", async () => {
  const { app, port, desk } = await desks.open({}, { tls: certificates.server });
  const json = { "content-type": "application/json" };
  expect(await ask(port, "/desk/getUser", json, '{"id":"1"}')).toEqual([200, '{"id":"1","name":"Ada"}\n']);
  expect(await ask(port, "/desk/count", json, "2")).toEqual([200, "1\n2\n"]);
  expect(await ask(port, "/desk/sum", { "content-type": "application/x-ndjson" }, "1\n2\n")).toEqual([
    200,
    "3\n",
  ]);
  expect(app.services()[0]?.addresses[1]).toEqual({ protocol: "http", url: `https://127.0.0.1:${port}` });
  const { ca } = certificates.anonymous;
  const gone = request({ host: "127.0.0.1", port, path: "/desk/wait", headers: json, ca, method: "POST" });
  gone.on("error", () => {}).end("60000");
  await expect.poll(() => desk.running).toBe(1);
  gone.destroy();
  await expect.poll(() => desk.aborted.length).toBe(1);
});
