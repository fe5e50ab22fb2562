import { expect, test } from "vitest";
import { harness, instance } from "../../test/harness.ts";

test("a table under the registry's name", async () => {
  const { backplane, stdout, stderr, run } = harness();
  backplane.instances = [
    instance("user", 1),
    instance("user", 2, { version: "2.0.0" }),
    instance("order-items", 3),
  ];
  expect(await run("list")).toBe(0);
  expect(stdout.text).toBe(
    [
      "registry local:/run/skein",
      "SERVICE      VERSIONS      INSTANCES",
      "order-items  1.0.0                 1",
      "user         1.0.0, 2.0.0          2",
      "",
    ].join("\n"),
  );
  expect(stderr.text).toBe("");
  expect(backplane.closed).toBe(1);
});

test("one document for programs", async () => {
  const { backplane, stdout, run } = harness({ tty: true });
  backplane.instances = [instance("user", 1)];
  expect(await run("list", "--json")).toBe(0);
  expect(stdout.text).toBe(
    '{"registry":"local:/run/skein","services":[{"name":"user","versions":["1.0.0"],"instances":1}]}\n',
  );
});

test("nothing there is no failure", async () => {
  const { stdout, run } = harness();
  expect(await run("list")).toBe(0);
  expect(stdout.text).toBe("registry local:/run/skein\nno services\n");
});

test("colours on a terminal", async () => {
  const { backplane, stdout, run } = harness({ tty: true });
  backplane.instances = [instance("user", 1)];
  await run("list");
  expect(stdout.text).toContain("\x1b[1muser\x1b[22m");
});

test("--registry and --namespace reach whoever opens it", async () => {
  const { backplane, run } = harness({ env: { SKEIN_REGISTRY: "memory:" } });
  await run("list", "--registry", "etcd://a:2379", "--namespace", "test");
  expect(backplane.opened).toEqual([
    { registry: "etcd://a:2379", namespace: "test", env: { SKEIN_REGISTRY: "memory:" } },
  ]);
});
