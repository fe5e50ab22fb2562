import { Validator } from "@seriousme/openapi-schema-validator";
import { Rpc, Service, type ServiceDescription, toDefinition } from "@skein/core";
import { describeService } from "@skein/core/internal";
import { describe, expect, test } from "vitest";
import { openApi } from "./openapi.ts";
import { DeskService } from "./test/desk.ts";
import { schemaOf } from "./test/schema.ts";

type Any = any;

/** What is wrong with it: by the specification's own schema and its references, and by what those cannot say. */
async function faults(document: object): Promise<string[]> {
  const given = JSON.parse(JSON.stringify(document)) as Any;
  const validator = new Validator();
  const { errors = [] } = await validator.validate(given);
  if (typeof errors === "string") return [errors];
  const wrong = errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
  if (validator.version !== "3.1") wrong.push(`it is OpenAPI ${validator.version}`);
  if (wrong.length > 0) return wrong;
  const operations = Object.values<Any>(given.paths).flatMap((item) => Object.values<Any>(item));
  const twice = (names: string[]): string[] => names.filter((name, i) => names.indexOf(name) !== i);
  const tags = given.tags.map(({ name }: Any) => name);
  wrong.push(...twice(tags).map((tag) => `the tag ${tag} stands there twice`));
  wrong.push(
    ...twice(operations.map((o) => o.operationId)).map((id) => `the operationId ${id} is given twice`),
  );
  for (const { operationId, tags: used } of operations)
    for (const tag of used) if (!tags.includes(tag)) wrong.push(`${operationId}: no tag ${tag}`);
  return wrong;
}

const described = (service: object): ServiceDescription => describeService(toDefinition(service));
const desk = (): ServiceDescription => described(new DeskService());

@Service("bare")
class BareService {
  @Rpc() async ping(): Promise<void> {}
  @Rpc({ idempotent: true }) async *tail(): AsyncGenerator<string> {}
}

const text = { type: "string" };
@Service("strict", { version: "3.0.0-rc.1" })
class StrictService {
  @Rpc({ idempotent: true, input: schemaOf<string>({ enum: ["a", null, 1] }, () => true) })
  async pick(_: string): Promise<void> {}
  @Rpc({ output: schemaOf<string>({ oneOf: [text, { type: "array", prefixItems: [text] }] }, () => true) })
  async say(): Promise<string> {
    return "";
  }
}

describe("the document is valid by the specification's own schema", () => {
  const billing = { ...desk(), service: "billing.invoice", version: "2.0.0" };
  test.each<[string, ServiceDescription[]]>([
    ["no service", []],
    ["schemas, streams of each kind, typed errors", [desk()]],
    ["no schemas at all", [described(new BareService())]],
    ["a prerelease, schemas without an object", [described(new StrictService())]],
    ["several services, one of them in two versions", [desk(), { ...desk(), version: "2.0.0" }, billing]],
  ])("%s", async (_, services) => {
    expect(await faults(openApi(services))).toEqual([]);
  });

  const post = (document: Any, method: string): Any => document.paths[`/desk/${method}`].post;
  test.each<[string, (document: Any) => unknown, RegExp]>([
    ["a response without a description", (d) => delete post(d, "odd").responses[200].description, /desc/],
    ["no responses", (d) => (post(d, "odd").responses = {}), /responses/],
    ["a body without a type", (d) => (post(d, "echo").requestBody.content = undefined), /content/],
    [
      "a schema that is none",
      (d) => (d.components.schemas["desk.getUser.input"] = 7),
      /desk\.getUser\.input/,
    ],
    ["a name that is none", (d) => (d.components.schemas["desk getUser"] = true), /schemas/],
    ["a parameter from nowhere", (d) => (d.components.parameters.timeout.in = "body"), /timeout/],
    ["a field that is none", (d) => (post(d, "echo").operationID = "x"), /unevaluated/],
    ["another version", (d) => (d.openapi = "3.0.3"), /./],
    ["no title", (d) => delete d.info.title, /title/],
    ["a reference to nothing", (d) => (post(d, "echo").responses.default.$ref = "#/x"), /Can't resolve #\/x/],
    ["an operationId twice", (d) => (post(d, "echo").operationId = "desk.odd"), /twice/],
    ["an unknown tag", (d) => (post(d, "echo").tags = ["task"]), /no tag task/],
  ])("and not with %s", async (_, breakIt, why) => {
    const document = JSON.parse(JSON.stringify(openApi([desk()])));
    breakIt(document);
    expect((await faults(document)).join("\n")).toMatch(why);
  });
});

describe("the document", () => {
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
  ])("%s is no schema: anything goes", async (_, input) => {
    const [endpoint] = desk().endpoints;
    const given = { ...desk(), endpoints: [{ ...(endpoint as Any), name: "x", input }] };
    const { paths, components } = openApi([given]) as Any;
    expect(paths["/desk/x"].post.requestBody.content["application/json"].schema).toBe(true);
    expect(components.schemas["desk.x.input"]).toBe(undefined);
    expect(await faults(openApi([given]))).toEqual([]);
  });

  test("data that looks like a reference stays", () => {
    const [endpoint] = desk().endpoints;
    const input = { const: { $ref: "#/x" } };
    const given = { ...desk(), endpoints: [{ ...(endpoint as Any), name: "x", input }] };
    expect((openApi([given]) as Any).components.schemas["desk.x.input"]).toEqual(input);
  });
});
