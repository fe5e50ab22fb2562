import { expectTypeOf, test } from "vitest";
import { Rpc, Service } from "./decorators.ts";
import { On } from "./on.ts";

test("standard decorators know what they are on", () => {
  class Bad {
    // @ts-expect-error static
    @Rpc() static static(): void {}
    // @ts-expect-error static
    @On("a") static handler(): void {}
    // @ts-expect-error private
    @Rpc() #private(): void {}
    // @ts-expect-error an accessor
    @Rpc() accessor accessor = (): number => 1;
    // @ts-expect-error a field that holds a function
    @Rpc() field = (): number => 1;
    used(): void {
      this.#private();
    }
  }
  expectTypeOf(Bad).toBeObject();
});

test("parentheses and options", () => {
  // @ts-expect-error without parentheses
  @Service
  class A {
    // @ts-expect-error without parentheses
    @Rpc method(): void {}
  }
  // @ts-expect-error the name comes first
  @Service({ name: "b" })
  class B {}
  // @ts-expect-error no such option
  @Service("c", { versions: "1" })
  class C {}
  expectTypeOf([A, B, C]).toBeArray();
});
