import type { Instance } from "@skein/core";

export interface StoredRecord {
  readonly key: string;
  readonly value: string;
}

/** What a key and its value mean. */
export type Read =
  | {
      readonly instances: readonly Instance[];
      /** False for what others wrote in a form that cannot hold all of ours. */
      readonly own: boolean;
    }
  /** Why it is no record. */
  | { readonly fault: string };

/** How instances are keys and values. Several may be written, and are read, at once. */
export interface Layout {
  readonly name: LayoutName;
  /** Whoever reads it can see an instance's status: others see only instances that serve. */
  readonly hasStatus: boolean;
  record(instance: Instance): StoredRecord;
  /** Why those who read its records cannot call an instance; undefined when they can. @default they can */
  readonly unfit?: ((instance: Instance) => string | undefined) | undefined;
  /** All keys of a service begin with it, and no other keys do. */
  prefixOf(service: string): string;
  /** All keys of all services begin with it; undefined where there is no such prefix. */
  readonly root: string | undefined;
  read(key: string, value: string): Read;
}

export const LAYOUTS = ["skein", "plain", "go-micro", "grpc"] as const;
export type LayoutName = (typeof LAYOUTS)[number];
