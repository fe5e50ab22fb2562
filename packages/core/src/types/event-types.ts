import type { EventContext } from "../events/event-context.ts";
import type { IsAny } from "./predicates.ts";

/** Shown by the compiler where an event is not known. */
export interface UnknownEvent<Name extends string> {
  readonly "no such event is declared in the interface Events": Name;
}

type IsPattern<N extends string> = N extends
  | "*"
  | ">"
  | `*.${string}`
  | `${string}.*`
  | `${string}.>`
  | `${string}.*.${string}`
  ? true
  : false;

/** Whether a pattern takes a name, token by token. */
type Takes<P extends string, N extends string> = P extends ">"
  ? true
  : P extends `${infer PHead}.${infer PRest}`
    ? N extends `${infer NHead}.${infer NRest}`
      ? PHead extends "*" | NHead
        ? Takes<PRest, NRest>
        : false
      : false
    : N extends `${string}.${string}`
      ? false
      : P extends "*" | N
        ? true
        : false;
type TakenBy<P extends string, Name extends string> = Name extends unknown
  ? Takes<P, Name> extends true
    ? Name
    : never
  : never;

/** `unknown` where the name may be subscribed to: anything while no event is declared, else what is declared, and patterns that take some of it. */
export type NameVerdict<E, N extends string> = [keyof E] extends [never]
  ? unknown
  : N extends keyof E
    ? unknown
    : IsPattern<N> extends true
      ? [TakenBy<N, keyof E & string>] extends [never]
        ? UnknownEvent<N>
        : unknown
      : string extends N
        ? unknown
        : UnknownEvent<N>;

/** `unknown` where the name may be published: anything while no event is declared, else what is declared. */
export type PublishVerdict<E, N extends string> = [keyof E] extends [never]
  ? unknown
  : N extends keyof E
    ? unknown
    : string extends N
      ? unknown
      : UnknownEvent<N>;

/** What events of that name carry; of a pattern, any of those that it takes. Where nothing is declared: whatever the handler says. */
export type PayloadOf<E, N extends string> = [keyof E] extends [never]
  ? Anything
  : N extends keyof E
    ? E[N]
    : IsPattern<N> extends true
      ? E[TakenBy<N, keyof E & string> & keyof E]
      : Anything;
// biome-ignore lint/suspicious/noExplicitAny: what is not declared is what both sides say
type Anything = any;

/** EventContext, or EventContext | undefined. */
export type IsEventContext<T> =
  IsAny<T> extends true
    ? false
    : [NonNullable<T>] extends [never]
      ? false
      : [NonNullable<T>] extends [EventContext]
        ? true
        : false;
