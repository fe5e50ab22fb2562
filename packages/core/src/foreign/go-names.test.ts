import { describe, expect, test } from "vitest";
import type { ServiceDescription } from "../server/describe.ts";
import { findGoName, toGoName } from "./go-names.ts";

const service = (name: string, ...endpoints: string[]): ServiceDescription => ({
  service: name,
  version: "1.0.0",
  endpoints: endpoints.map((endpoint) => ({
    name: endpoint,
    kind: endpoint.startsWith("watch") ? "server-stream" : "unary",
    idempotent: false,
    timeoutMs: null,
    priority: "normal",
  })),
});

const served = [
  service("user", "getUser", "watchUsers", "getURL", "$describe"),
  service("order-item", "add", "Add2"),
  service("billing.invoice", "pay"),
  service("invoice", "print"),
  service("mail_service", "send"),
  service("service", "run"),
  service("twin", "readAll", "readaLL", "httpStatus"),
  service("far"),
];

describe("the endpoint a Go name means", () => {
  test.each([
    ["User.GetUser", "user", "getUser"],
    ["UserService.GetUser", "user", "getUser"],
    ["pkg.User.GetUser", "user", "getUser"],
    ["github.com/x/pkg.UserService.GetUser", "user", "getUser"],
    ["user.getUser", "user", "getUser"],
    ["USER.GETUSER", "user", "getUser"],
    ["User.GetURL", "user", "getURL"],
    ["User.GetUrl", "user", "getURL"],
    ["OrderItem.Add", "order-item", "add"],
    ["order_item.add2", "order-item", "Add2"],
    ["OrderItemService.Add", "order-item", "add"],
    ["billing.Invoice.Pay", "billing.invoice", "pay"],
    ["Billing.InvoiceService.Pay", "billing.invoice", "pay"],
    ["Invoice.Print", "invoice", "print"],
    ["billing.invoice.Invoice.Pay", "billing.invoice", "pay"],
    ["billing.invoice.InvoiceService.Pay", "billing.invoice", "pay"],
    ["user.User.GetUser", "user", "getUser"],
    ["user.Invoice.Print", "invoice", "print"],
    ["shop.Invoice.Print", "invoice", "print"],
    ["MailService.Send", "mail_service", "send"],
    ["Mail.Send", "mail_service", "send"],
    ["Service.Run", "service", "run"],
    ["Twin.ReadAll", "twin", "readAll"],
    ["Twin.HTTPStatus", "twin", "httpStatus"],
    ["Far.GetUser", "far", "getUser"],
  ])("%s is %s/%s", (name, ours, method) =>
    expect(findGoName(name, served)).toMatchObject({ service: ours, method }),
  );

  test("tells the kind, where it is known", () => {
    expect(findGoName("User.WatchUsers", served)).toMatchObject({ kind: "server-stream" });
    expect(findGoName("Far.Any", served)).toMatchObject({ kind: undefined });
  });

  test.each([
    ["billing.invoice.Invoice.Print", "method", "; there is Invoice.Pay"],
    ["User.GetUsr", "method", "; did you mean User.GetUser or User.GetURL?"],
    ["Usr.GetUser", "service", "; did you mean User.GetUser?"],
    ["Twin.READALL", "method", "; did you mean Twin.ReadAll or Twin.ReadaLL?"],
    ["GetUser", "form", ": give Type.Method, as in User.GetUser"],
    [".GetUser", "form", ": give Type.Method, as in User.GetUser"],
    ["User.", "form", ": give Type.Method, as in User.GetUser"],
    ["", "form", ": give Type.Method, as in User.GetUser"],
  ])("%s is none: no such %s", (name, unknown, hint) =>
    expect(findGoName(name, served)).toEqual({ unknown, hint }),
  );

  test("built-in endpoints are called by their very names and never offered", () => {
    expect(findGoName("User.$describe", served)).toMatchObject({ method: "$describe" });
    expect(findGoName("Far2.Nothing", [service("user", "$describe")])).toEqual({
      unknown: "service",
      hint: "",
    });
  });
});

test.each([
  ["user", "getUser", "User.GetUser"],
  ["order-item", "add", "OrderItem.Add"],
  ["mail_service", "send", "MailService.Send"],
  ["billing.invoice", "pay", "Invoice.Pay"],
])("%s/%s is %s in Go, and comes back", (ours, method, go) => {
  expect(toGoName(ours, method)).toBe(go);
  if (ours !== "billing.invoice") expect(findGoName(go, served)).toMatchObject({ service: ours, method });
});
