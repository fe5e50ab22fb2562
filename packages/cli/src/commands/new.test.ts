import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProject } from "create-skein";
import { afterEach, beforeEach, expect, test } from "vitest";
import { harness } from "../../test/harness.ts";

let cwd: string;
let shop: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "skein-new-"));
  ({ folder: shop } = await createProject({ directory: "shop", cwd }));
});
afterEach(() => rm(cwd, { recursive: true }));

test("says what it wrote", async () => {
  const { backplane, stdout, stderr, run } = harness({ cwd: shop });
  expect(await run("new", "service", "orders")).toBe(0);
  expect(stdout.text).toBe(
    "created src/orders.contract.ts\ncreated src/orders.service.ts\ncreated test/orders.service.test.ts\nchanged src/services.ts\n",
  );
  expect(stderr.text).toBe("");
  expect(backplane.opened).toEqual([]);
  expect(readFileSync(join(shop, "src/services.ts"), "utf8")).toContain("new OrdersService()");
});

test("refuses as the scaffold does", async () => {
  const { stderr, run } = harness({ cwd: shop });
  expect(await run("new", "service", "user")).toBe(1);
  expect(await run("new", "service", "Orders")).toBe(2);
  expect(stderr.text).toMatch(/already names UserService(.|\n)*"Orders" is no service name.*Try orders\./);
  const outside = harness({ cwd });
  expect(await outside.run("new", "service", "orders")).toBe(1);
  expect(outside.stderr.text).toMatch(/^No Skein project here: /);
});

test("says the lines that it could not add", async () => {
  writeFileSync(join(shop, "src/services.ts"), "export const all = [];\n");
  const { stderr, run } = harness({ cwd: shop });
  expect(await run("new", "service", "orders")).toBe(0);
  expect(stderr.text).toBe(
    'src/services.ts has no array "services": add by hand\n  import { OrdersService } from "./orders.service.js";\n  await serve(…, new OrdersService());\n',
  );
});
