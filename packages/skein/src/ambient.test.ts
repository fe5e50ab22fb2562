import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext } from "@skein/core";
import { expect, test, vi } from "vitest";
import { createAmbientContext } from "./ambient.ts";

const context = (method: string): CallContext => ({ method }) as CallContext;

test("nothing is entered until somebody reads", async () => {
  const run = vi.spyOn(AsyncLocalStorage.prototype, "run");
  try {
    const ambient = createAmbientContext();
    const later = ambient.run(
      context("a"),
      async () => {
        await undefined;
        return ambient.get();
      },
      undefined,
    );
    expect(await later).toBeUndefined();
    expect(run).not.toHaveBeenCalled();
    ambient.use();
    ambient.run(context("a"), () => {}, undefined);
    expect(run).toHaveBeenCalledTimes(1);
  } finally {
    run.mockRestore();
  }
});

test("in use, each flow keeps its own context across awaits", async () => {
  const ambient = createAmbientContext();
  ambient.use();
  const handler = async (n: number): Promise<string | undefined> => {
    for (let i = 0; i < n; i++) await undefined;
    return ambient.get()?.method;
  };
  const flows = [5, 1, 3].map((n) => ambient.run(context(`m${n}`), handler, n));
  expect(await Promise.all(flows)).toEqual(["m5", "m1", "m3"]);
  expect(ambient.get()).toBeUndefined();
});

test("the first reader in a handler's synchronous part gets its context, nested ones theirs", () => {
  const ambient = createAmbientContext();
  const seen = ambient.run(
    context("outer"),
    () => {
      const inner = ambient.run(context("inner"), () => ambient.get()?.method, undefined);
      return [inner, ambient.current()?.method];
    },
    undefined,
  );
  expect(seen).toEqual(["inner", "outer"]);
  expect(ambient.inUse).toBe(true);
  expect(ambient.current()).toBeUndefined();
});

test("a handler that throws leaves nothing behind", () => {
  const ambient = createAmbientContext();
  const boom = (): never => {
    throw new Error("boom");
  };
  expect(() => ambient.run(context("a"), boom, undefined)).toThrow("boom");
  expect(ambient.get()).toBeUndefined();
});

test("what is started outside does not see the call", async () => {
  const ambient = createAmbientContext();
  ambient.use();
  const seen = ambient.run(context("a"), () => ambient.outside(async () => ambient.get()), undefined);
  expect(await seen).toBeUndefined();
});
