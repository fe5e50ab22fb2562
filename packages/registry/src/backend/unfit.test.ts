import { type Instance, silentLogger } from "@skein/core";
import { expect, test } from "vitest";
import { unfitWarning } from "./unfit.ts";

test("once for each service, whatever its instances, with the layout and the reason", () => {
  const said: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: object, why?: string) => void said.push([fields, why]) };
  const unfit = ({ service }: Instance) => (service === "user" ? undefined : `${service} has no name`);
  const warn = unfitWarning([{ name: "plain" }, { name: "odd", unfit }], logger, { registry: "r" });
  for (const service of ["order", "user", "order", "mail"]) warn({ service } as Instance);
  expect(said).toEqual([
    [{ service: "order", registry: "r", layout: "odd" }, "order has no name"],
    [{ service: "mail", registry: "r", layout: "odd" }, "mail has no name"],
  ]);
});
