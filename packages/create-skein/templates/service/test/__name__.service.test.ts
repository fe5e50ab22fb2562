import { createCluster } from "@skein/testing";
import { expect, test } from "vitest";
import type { __Class__Contract } from "../src/__name__.contract.js";
import { __Class__Service } from "../src/__name__.service.js";

/** The service and a client of it in this process, over the real protocol, without sockets. */
async function start() {
  const cluster = createCluster();
  await cluster.serve(new __Class__Service());
  const __variable__ = cluster.client().service<__Class__Contract>("__name__");
  return { __variable__, [Symbol.asyncDispose]: () => cluster.close() };
}

test("what was created can be read and listed", async () => {
  await using cluster = await start();
  const { __variable__ } = cluster;
  const ada = await __variable__.create__Entity__({ name: "Ada" });
  expect(await __variable__.get__Entity__({ id: ada.id })).toEqual({ id: ada.id, name: "Ada" });
  const listed: string[] = [];
  for await (const { name } of __variable__.list__Entities__()) listed.push(name);
  expect(listed).toEqual(["Ada"]);
});

test("errors reach the caller with their code", async () => {
  await using cluster = await start();
  const { __variable__ } = cluster;
  await expect(__variable__.get__Entity__({ id: "nobody" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(__variable__.create__Entity__({ name: "" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
