import type { IsEventContext } from "../types/event-types.ts";
import type { AnyMethod } from "./checked-method.ts";

/** Shown by the compiler where a method cannot handle an event. */
export interface HandlerMismatch<Hint extends string> {
  readonly "this method cannot handle the event": Hint;
}

/** `unknown` where the method may handle events that carry `Payload`; else a HandlerMismatch that says why not. */
export type HandlerVerdict<Payload, T extends AnyMethod> = T extends (...args: infer P) => infer R
  ? Said<Or<ParametersFault<Payload, P>, ReturnFault<R>>>
  : never;

// A fault is a hint; `never` is none.
type Or<First, Second> = [First] extends [never] ? Second : First;
type Said<Fault> = [Fault] extends [never] ? unknown : HandlerMismatch<Extract<Fault, string>>;

type ParametersFault<Payload, P extends readonly unknown[]> =
  Required<P> extends readonly []
    ? never
    : Required<P> extends readonly [infer I, (infer C)?]
      ? IsEventContext<I> extends true
        ? "the EventContext comes second: declare the payload as `_: unknown` where it is not needed"
        : Required<P>["length"] extends 1
          ? PayloadFault<Payload, P[0]>
          : IsEventContext<C> extends true
            ? PayloadFault<Payload, P[0]>
            : "a handler takes one payload; a second parameter can only be the EventContext"
      : "a handler takes one payload and an optional EventContext";

type PayloadFault<Payload, I> = [Payload] extends [I]
  ? never
  : "its first parameter does not take what the event carries";

type ReturnFault<R> = 0 extends 1 & R
  ? never
  : [R] extends [never]
    ? never
    : [R] extends [AsyncGenerator | Generator]
      ? "nobody would read what a generator gives, and its code would never run: make it an async method"
      : never;

/** Works as a standard decorator and as a legacy one. */
export interface OnDecorator<Payload> {
  <T extends AnyMethod>(
    value: T & HandlerVerdict<Payload, T>,
    context: (ClassMethodDecoratorContext<never, T> | ClassMethodDecoratorContext<object, T>) & {
      readonly name: string;
      readonly static: false;
      readonly private: false;
    },
  ): void;
  <T extends AnyMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T> & HandlerVerdict<Payload, T>,
  ): void;
}
