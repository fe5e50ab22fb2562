import type { ServiceDescription } from "@skein/core";
import { toDefinition } from "@skein/core";
import { describeService } from "@skein/core/internal";
import { describe, expect, test } from "vitest";
import { resolvePointer } from "./json-schema.ts";
import { openApi } from "./openapi.ts";
import { DeskService } from "./test/desk.ts";

type Any = any;
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/** What the specification (3.1.0) asks of the parts that we write. Returns what is wrong. */
function faults(document: Any): string[] {
  const wrong: string[] = [];
  const want = (ok: unknown, what: string): void => void (ok || wrong.push(what));
  const only = (value: object, keys: string[], at: string): void =>
    Object.keys(value).forEach((key) => void want(keys.includes(key), `${at}.${key} is no field`));
  only(document, ["openapi", "info", "servers", "tags", "paths", "components", "security"], "document");
  want(/^3\.1\.\d+$/.test(document.openapi), "openapi");
  want(typeof document.info.title === "string" && typeof document.info.version === "string", "info");
  const walk = (value: Any, at: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (typeof value.$ref === "string")
      want(
        value.$ref.startsWith("#/") && resolvePointer(document, value.$ref) !== undefined,
        `${at}: ${value.$ref}`,
      );
    for (const [key, member] of Object.entries(value)) walk(member, `${at}.${key}`);
  };
  walk(document, "");
  for (const name of Object.keys(document.components.schemas))
    want(/^[a-zA-Z0-9._-]+$/.test(name), `the name ${name}`);
  const tags = document.tags.map((tag: Any) => tag.name);
  want(new Set(tags).size === tags.length, "tags twice");
  const ids: string[] = [];
  for (const [path, item] of Object.entries<Any>(document.paths)) {
    want(path.startsWith("/"), path);
    only(item, METHODS, path);
    for (const [method, operation] of Object.entries<Any>(item)) {
      const at = `${method} ${path}`;
      only(operation, ["operationId", "tags", "description", "parameters", "requestBody", "responses"], at);
      ids.push(operation.operationId);
      want(
        operation.tags.every((tag: string) => tags.includes(tag)),
        `${at}: tags`,
      );
      want(method !== "get" || operation.requestBody === undefined, `${at}: body`);
      want(operation.responses["200"] && operation.responses.default, `${at}: responses`);
      for (const [status, response] of Object.entries<Any>(operation.responses)) {
        want(/^([1-5]\d\d|default)$/.test(status), `${at}: ${status}`);
        want(response.$ref !== undefined || typeof response.description === "string", `${at}: ${status}`);
      }
      for (const given of operation.parameters) {
        const parameter = given.$ref === undefined ? given : (resolvePointer(document, given.$ref) as Any);
        want(["query", "header"].includes(parameter.in) && parameter.name, `${at}: parameter`);
        want((parameter.schema === undefined) !== (parameter.content === undefined), `${at}: parameter`);
      }
      if (operation.requestBody !== undefined)
        want(Object.keys(operation.requestBody.content).length > 0, `${at}: body`);
    }
  }
  want(new Set(ids).size === ids.length, "operationIds twice");
  return wrong;
}

const desk = (): ServiceDescription => describeService(toDefinition(new DeskService()));

describe("the document", () => {
  test("is as the specification wants it", () => {
    expect(faults(openApi([desk()]))).toEqual([]);
    expect(faults(openApi([]))).toEqual([]);
    const other = { ...desk(), service: "billing.invoice", version: "2.0.0" };
    expect(faults(openApi([desk(), { ...desk(), version: "2.0.0" }, other]))).toEqual([]);
  });

  test("the check finds what is wrong", () => {
    const broken = JSON.parse(JSON.stringify(openApi([desk()])));
    broken.paths["/desk/echo"].post.operationId = "desk.getUser";
    broken.paths["/desk/getUser"].post.requestBody.content["application/json"].schema.$ref = "#/nowhere";
    delete broken.paths["/desk/odd"].get.responses;
    broken.paths["/desk/odd"].get.responses = { 200: {} };
    expect(faults(broken).length).toBe(4);
  });

  test("has schemas with their references, kinds, errors and streams", () => {
    const { paths, components } = openApi([desk()]) as Any;
    expect(paths["/desk/getUser"].post).toMatchObject({
      operationId: "desk.getUser",
      description: "Kind: unary. Idempotent. Typed errors: GONE.",
      requestBody: {
        required: true,
        content: { "application/json": { schema: { $ref: "#/components/schemas/desk.getUser.input" } } },
      },
    });
    expect(components.schemas["desk.getUser.output"].properties).toMatchObject({
      id: { $ref: "#/components/schemas/desk.getUser.output/$defs/Text" },
      friends: { items: { $ref: "#/components/schemas/desk.getUser.output" } },
    });
    expect(Object.keys(paths["/desk/getUser"])).toEqual(["post", "get"]);
    expect(Object.keys(paths["/desk/echo"])).toEqual(["post"]);
    expect(Object.keys(paths["/desk/double"].post.requestBody.content)).toEqual(["application/x-ndjson"]);
    expect(Object.keys(paths["/desk/count"].get.responses[200].content)).toEqual([
      "application/x-ndjson",
      "text/event-stream",
    ]);
  });

  test.each([
    ["a vendor's name alone", { vendor: "valibot" }],
    ["a reference to elsewhere", { $ref: "https://example.com/schema.json" }],
    ["a reference to nothing", { $ref: "#/$defs/None" }],
    ["an array", []],
  ])("%s is no schema: anything goes", (_, input) => {
    const [endpoint] = desk().endpoints;
    const given = { ...desk(), endpoints: [{ ...(endpoint as Any), name: "x", input }] };
    const { paths, components } = openApi([given]) as Any;
    expect(paths["/desk/x"].post.requestBody.content["application/json"].schema).toBe(true);
    expect(components.schemas["desk.x.input"]).toBe(undefined);
    expect(faults(openApi([given]))).toEqual([]);
  });

  test("data that looks like a reference stays", () => {
    const [endpoint] = desk().endpoints;
    const input = { const: { $ref: "#/x" } };
    const given = { ...desk(), endpoints: [{ ...(endpoint as Any), name: "x", input }] };
    expect((openApi([given]) as Any).components.schemas["desk.x.input"]).toEqual(input);
  });
});
