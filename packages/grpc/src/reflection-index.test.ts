import { fromJSON } from "@grpc/proto-loader";
import type { ServiceDescription } from "@skein/core";
import { describe, expect, test } from "vitest";
import { describeInProto } from "./descriptors.ts";
import { ProtoMessage } from "./proto-message.ts";
import { indexProtos } from "./reflection-index.ts";
import { reflectionOf } from "./served-protos.ts";

const user = {
  service: "user",
  version: "1",
  endpoints: ["getUser", "a-b"].map((name) => ({
    name,
    kind: "server-stream",
    idempotent: false,
    timeoutMs: null,
    priority: "normal",
  })),
};

const given = fromJSON({
  nested: {
    acme: {
      nested: {
        M: {
          fields: { myTags: { keyType: "string", type: "N", id: 1 }, far: { type: ".other.Far", id: 2 } },
          nested: { N: { fields: { inner: { keyType: "int32", type: "string", id: 1 } } } },
        },
        S: { methods: { X: { requestType: "M", responseType: "M.N" } } },
        Hidden: { methods: { X: { requestType: "M", responseType: "M" } } },
      },
    },
    other: { nested: { Far: { fields: { a: { type: "int32", id: 1 } } } } },
  },
} as never);

describe("what reflection knows", () => {
  const index = indexProtos(
    [describeInProto([user]), given],
    new Set(["user.User", "grpc.health.v1.Health", "acme.S"]),
  );
  const read = (symbol: string) => (index.fileWith(symbol) ?? []).map((bytes) => new ProtoMessage(bytes));

  test("services are those that are shown", () => {
    expect(index.services).toEqual(["acme.S", "grpc.health.v1.Health", "user.User"]);
  });

  test("a file comes first, then what it needs, which it names", () => {
    const files = read("acme.S.X");
    expect(files.map((file) => file.text(1))).toEqual(["1/acme.proto", "1/other.proto"]);
    expect(files[0]?.text(3)).toBe("1/other.proto");
    expect(index.fileOf("1/acme.proto")).toEqual(index.fileWith("acme.M.N"));
    expect(read("user.User.GetUser").map((file) => file.text(2))).toEqual(["user", "google.protobuf"]);
    expect(read("user.User.A-b")).toEqual([]);
    expect(index.fileOf("none.proto")).toBe(undefined);
  });

  test("the entries of maps have the names that they must have, at any depth", () => {
    const message = read("acme.M")[0]?.all(4)[0] as ProtoMessage;
    expect(message.all(2)[0]?.text(6)).toBe("MyTagsEntry");
    expect(message.all(3).map((nested) => nested.text(1))).toEqual(["MyTagsEntry", "N"]);
    expect(message.all(3)[1]?.all(3)[0]?.text(1)).toBe("InnerEntry");
  });
});

test("what reflection says is made once for the same services", () => {
  const user = { service: "user", version: "1.0.0", endpoints: [] };
  let services: readonly ServiceDescription[] = [user];
  const index = reflectionOf(() => services, new Map());
  const first = index();
  services = [user];
  expect(index()).toBe(first);
  services = [user, { ...user, service: "order" }];
  expect(index()).not.toBe(first);
  expect(index().services).toContain("order.Order");
});
