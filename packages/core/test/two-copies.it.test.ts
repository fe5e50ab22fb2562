import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createScratch, link } from "./scratch.ts";

// Two copies of core in one process, as two versions or two bundles of it bring: each reads what the other wrote.
const scratch = createScratch();
beforeAll(async () => {
  link(scratch, "reflect-metadata");
  for (const reflectMetadata of ["own", "shared"] as const)
    for (const copy of ["a", "b"])
      await scratch.installCore({ in: `${reflectMetadata}/${copy}`, reflectMetadata });
});
afterAll(() => scratch[Symbol.dispose]());

const PROGRAM = `
class Base {
  @a.Rpc() ping() { return "pong"; }
  @a.Rpc({ timeoutMs: 5 }) replaced() {}
}
@b.Service("mixed", { version: "1.0.0" })
class Mixed extends Base {
  @b.Rpc({ idempotent: true }) replaced() {}
  @a.Rpc() async *stream() {}
  undecorated() {}
}
const contract = a.defineService("contract", { get: a.unary({ idempotent: true }) });
@b.Service(contract)
class Fulfilled { async get() {} }
class Wrong { @a.Rpc() static s() {} }
b.Service("wrong")(Wrong);
const said = ({ name, version, endpoints, warnings }) =>
  [name, version, warnings.length, [...endpoints.values()].map((e) => [e.name, e.kind, e.idempotent].join(" "))];
const refusal = (act) => { try { act(); } catch (error) { return error.message; } };
const errors = { a: a.defineErrors({ GONE: { code: "NOT_FOUND" } }), b: b.defineErrors({ GONE: {} }) };
console.log(JSON.stringify({
  copies: a.Rpc !== b.Rpc,
  read: [a, b].map((core) => said(core.toDefinition(new Mixed()))),
  contract: [a, b].map((core) => said(core.toDefinition(new Fulfilled()))),
  object: said(b.toDefinition(contract.implement({ get() {} }))),
  refused: [a, b].map((core) => refusal(() => core.toDefinition(new Wrong()))),
  errors: [errors.b.GONE.is(errors.a.GONE()), b.RpcError.is(errors.a.GONE()), b.RpcError.from(errors.a.GONE()).code],
}));
`;
const mixed = [
  "mixed",
  "1.0.0",
  1,
  ["ping unary false", "replaced unary true", "stream server-stream false"],
];
const contract = ["contract", "0.0.0", 0, ["get unary true"]];
const fault = "Wrong: @Rpc is on the static method s: make it a method of the instance";
const expected = {
  copies: true,
  read: [mixed, mixed],
  contract: [contract, contract],
  object: contract,
  refused: [fault, fault],
  errors: [true, true, "NOT_FOUND"],
};

const A = 'import * as a from "./a/node_modules/@skein/core/index.js";';
const B = 'import * as b from "./b/node_modules/@skein/core/index.js";';
const REFLECT = 'import "reflect-metadata";';
const AGAIN = 'import "reflect-metadata/lite";';
const orders = [
  ["a, b", [A, B]],
  ["b, a", [B, A]],
  ["reflect-metadata first", [REFLECT, A, B]],
  ["reflect-metadata between", [B, REFLECT, A]],
  ["reflect-metadata last", [A, B, REFLECT]],
  ["reflect-metadata twice", [REFLECT, A, AGAIN, B]],
] as const;

describe.each(["standard", "legacy"])("%s decorators", (kind) => {
  describe.each(["own", "shared"])("reflect-metadata of its %s", (reflectMetadata) => {
    test.each(orders)("imported in the order %s", async (name, imports) => {
      const { code } = await transform(imports.join("\n") + PROGRAM, {
        loader: "ts",
        target: "es2022",
        tsconfigRaw: { compilerOptions: { experimentalDecorators: kind === "legacy" } },
      });
      const file = `${reflectMetadata}/${kind}-${name.replaceAll(/\W+/g, "-")}.js`;
      expect(await scratch.node(scratch.write(file, code))).toEqual(expected);
    });
  });
});
