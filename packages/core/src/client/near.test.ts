import { expect, it } from "vitest";
import { nearNames, suggestion } from "./near.ts";

const known = ["getUser", "listUsers", "deleteUser", "watchUsers"];

it("finds slips of the finger", () => {
  expect(nearNames("getUsr", known)).toEqual(["getUser"]);
  expect(nearNames("gteUser", known)).toEqual(["getUser"]);
  expect(nearNames("GETUSER", known)).toEqual(["getUser"]);
  expect(nearNames("Users", known)).toEqual(["listUsers", "watchUsers"]);
  expect(nearNames("placeOrder", known)).toEqual([]);
});

it("names the near ones, else what there is", () => {
  expect(suggestion("getUsr", known)).toBe("; did you mean getUser?");
  expect(suggestion("order", ["user", "$describe"])).toBe("; there is user");
  expect(
    suggestion(
      "order",
      Array.from({ length: 10 }, (_, i) => `service-${i}`),
    ),
  ).toBe(
    "; there are service-0, service-1, service-2, service-3, service-4, service-5, service-6, service-7 and 2 more",
  );
  expect(suggestion("order", [])).toBe("");
});
