import { expect, test } from "vitest";
import { httpDoor } from "./call-door.ts";

test.each<[object, string]>([
  [{ limits: { constructor: 1 } }, "httpDoor: limits.constructor is not known: there are maxH"],
  [{ cros: {} }, "httpDoor: no option cros: there are limits, cors, headers, docs, names"],
  [{ limits: { idle: 1 } }, "httpDoor: limits.idle is not known: there are maxHeaderBytes, "],
  [{ limits: { idleMs: 0 } }, "httpDoor: limits.idleMs is 0: give a number above 0"],
  [{ headers: ["a b"] }, 'httpDoor: headers has "a b": give names of headers'],
  [{ cors: { origins: ["app.example"] } }, 'httpDoor: cors.origins has "app.example": give origins such as '],
  [{ cors: { origins: ["https://app.example/"] } }, 'httpDoor: cors.origins has "https://app.example/": '],
  [{ cors: {} }, "httpDoor: cors.origins is undefined: give an array of origins"],
])("%j is refused: %s", (options, message) => expect(() => httpDoor(options as never)).toThrow(message));

test("what is right is taken", () =>
  expect(() =>
    httpDoor({
      limits: { idleMs: 1, stallMs: undefined as never },
      headers: ["Accept-Language"],
      cors: { origins: ["*", "https://app.example", "http://localhost:3000"] },
    }),
  ).not.toThrow());
