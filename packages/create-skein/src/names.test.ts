import { describe, expect, test } from "vitest";
import { projectName, serviceNames, suggestName } from "./names.ts";
import { renderTemplate } from "./templates.ts";

describe("serviceNames", () => {
  test.each([
    ["user", "User", "user", "User", "user", "Users"],
    ["orders", "Orders", "orders", "Order", "order", "Orders"],
    ["line-items", "LineItems", "lineItems", "LineItem", "line item", "LineItems"],
    ["categories", "Categories", "categories", "Category", "category", "Categories"],
    ["address", "Address", "address", "Address", "address", "Addresses"],
    ["status", "Status", "status", "Status", "status", "Statuses"],
    ["boxes", "Boxes", "boxes", "Box", "box", "Boxes"],
    ["s3", "S3", "s3", "S3", "s3", "S3s"],
    ["delete", "Delete", "deleteService", "Delete", "delete", "Deletes"],
    ["cluster", "Cluster", "clusterService", "Cluster", "cluster", "Clusters"],
    ["maps", "Maps", "maps", "MapItem", "map", "MapItems"],
    ["rpc-error", "RpcError", "rpcError", "RpcErrorItem", "rpc error", "RpcErrorItems"],
  ])("%s", (name, Class, variable, Entity, entity, Entities) => {
    expect(serviceNames(name)).toEqual({ name, Class, variable, Entity, entity, Entities });
  });

  test.each([
    [
      "OrderItems",
      '"OrderItems" is no service name: lower-case words joined by "-", starting with a letter, up to 63 characters. Try order-items.',
    ],
    ["../evil", /is no service name.*Try evil\.$/],
    ["4ever", /Try ever\.$/],
    ["", /"" is no service name.*such as user or line-items\.$/],
    ["a--b", /Try a-b\.$/],
    ["日本", /such as user/],
    ["x".repeat(64), new RegExp(`Try ${"x".repeat(63)}\\.$`)],
    ["main", /"main" is taken by the project itself/],
  ])("refuses %j", (name, message) => {
    expect(() => serviceNames(name)).toThrow(message);
    expect(() => serviceNames(name)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});

test("a service takes no name that the templates have beside its variable", () => {
  const user = serviceNames("user");
  const files = [
    ...renderTemplate("project", { ...user, project: "p", copyVendor: "" }),
    ...renderTemplate("service", { ...user }),
  ].filter(({ path }) => path === "src/client.ts" || path.startsWith("test/"));
  const declared = files
    .flatMap(({ text }) => [...text.matchAll(/\b(?:const|function|using) (\w+)|import \{ ([^}]+) \}/g)])
    .flatMap(([, name, names]) => name ?? names?.split(", ") ?? [])
    .filter((name) => /^[a-z]\w*$/.test(name) && name !== "user");
  expect(declared).toEqual(expect.arrayContaining(["client", "cluster", "expect", "one", "start"]));
  for (const name of declared.filter((name) => name !== "client"))
    expect(serviceNames(suggestName(name) ?? "").variable).toBe(`${name}Service`);
  expect(() => serviceNames("client")).toThrow("is taken by the project itself");
});

test("projectName takes npm names and suggests one", () => {
  expect(projectName("shop")).toBe("shop");
  expect(projectName("@acme/shop.api")).toBe("@acme/shop.api");
  expect(() => projectName("My Shop")).toThrow(/"My Shop" is no package name.*Try --name my-shop\./);
  expect(() => projectName(".hidden")).toThrow(/Try --name hidden\./);
});

test("suggestName gives up where nothing can be kept", () => {
  expect(suggestName("!!")).toBeUndefined();
  expect(suggestName("HTTPServer2")).toBe("httpserver2");
});
