import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createProject } from "./create-project.ts";
import { newService } from "./new-service.ts";

let cwd: string;
let shop: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "create-skein-"));
  ({ folder: shop } = await createProject({ directory: "shop", cwd }));
});
afterEach(() => rm(cwd, { recursive: true }));
const read = (path: string) => readFileSync(join(shop, path), "utf8");

test("adds contract, class, test and start-up line, from any folder of the project", async () => {
  expect(await newService("orders", join(shop, "src"))).toEqual({
    root: shop,
    created: ["src/orders.contract.ts", "src/orders.service.ts", "test/orders.service.test.ts"],
    changed: "src/services.ts",
    byHand: [],
  });
  expect(read("src/services.ts")).toBe(`import { UserService } from "./user.service.js";
import { OrdersService } from "./orders.service.js";

/** What this process serves; \`npx skein new service NAME\` adds to it. */
export const services = [new UserService(), new OrdersService()];
`);
  expect(read("src/orders.service.ts")).toContain("export class OrdersService implements OrdersContract");
});

test("overwrites nothing, and then writes nothing at all", async () => {
  writeFileSync(join(shop, "src/orders.service.ts"), "mine");
  await expect(newService("orders", shop)).rejects.toThrow(
    "src/orders.service.ts: already there, and not overwritten. Nothing was written.",
  );
  expect(read("src/orders.service.ts")).toBe("mine");
  expect(existsSync(join(shop, "src/orders.contract.ts"))).toBe(false);
  expect(read("src/services.ts")).not.toContain("Orders");
});

test("the same service twice", async () => {
  await expect(newService("user", shop)).rejects.toMatchObject({
    exitCode: 1,
    message: "src/services.ts already names UserService. Nothing was written.",
  });
});

test("a start that was rewritten by hand gets its lines said instead", async () => {
  writeFileSync(join(shop, "src/services.ts"), "export const all = makeThem();\n");
  const added = await newService("orders", shop);
  expect(added.changed).toBeUndefined();
  expect(added.byHand).toEqual([
    'import { OrdersService } from "./orders.service.js";',
    "await serve(…, new OrdersService());",
  ]);
  expect(read("src/services.ts")).toBe("export const all = makeThem();\n");
});

test("outside a project it says which file it looked at", async () => {
  await expect(newService("orders", cwd)).rejects.toThrow(
    `No Skein project here: there is no package.json in ${cwd} or above it. Start one with: npm create skein@latest my-project`,
  );
  mkdirSync(join(cwd, "other"));
  writeFileSync(join(cwd, "other/package.json"), "{}");
  await expect(newService("orders", join(cwd, "other"))).rejects.toThrow(
    `No Skein project here: ${join(cwd, "other/package.json")} does not depend on skein.`,
  );
  await expect(newService("Orders!", shop)).rejects.toMatchObject({ exitCode: 2 });
});
