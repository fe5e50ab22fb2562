import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { DOCS_SCRIPT, docsHtml } from "./docs-page.ts";
import { useDesk } from "./test/bench.ts";

const desks = useDesk();

test("/openapi.json lists what is served", async () => {
  const { url, app } = await desks.open();
  const answer = await fetch(`${url}/openapi.json`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    200,
    "application/json; charset=utf-8",
  ]);
  const api = (await answer.json()) as any;
  expect(api.info).toEqual({ title: "desk", version: "1.2.0" });
  expect(Object.keys(api.paths)).toContain("/desk/getUser");
  expect((await fetch(`${url}/openapi.json`, { method: "POST" })).status).toBe(405);
  await app.remove("desk");
  expect(((await (await fetch(`${url}/openapi.json`)).json()) as any).paths).toEqual({});
});

test("/docs is one page that may load nothing else, and whose script is one", async () => {
  const { url } = await desks.open();
  const answer = await fetch(`${url}/docs`);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'sha256-/);
  expect(await answer.text()).toBe(docsHtml());
  expect(docsHtml()).not.toMatch(/https?:/);
  expect(() => runInNewContext(`(function () {${DOCS_SCRIPT}})`)).not.toThrow();
});

test("neither is there when they are off", async () => {
  const { url } = await desks.open({ docs: false });
  for (const path of ["/docs", "/openapi.json"]) expect((await fetch(`${url}${path}`)).status).toBe(404);
});
