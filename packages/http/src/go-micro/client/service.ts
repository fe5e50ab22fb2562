import type { EndpointInfo, EndpointKind } from "@skein/core";
import { assumedUnary, toGoName } from "@skein/core/internal";

/** What cannot be guessed of a Go Micro service. */
export interface GoMicroServiceOptions {
  /** The type that its handler was registered as: `Say` for `Say.Hello`. @default by the rule: `Greeter` for `greeter` */
  readonly type?: string | undefined;
  /** Of methods that are streams: `{ watch: "server-stream" }`. @default unary */
  readonly kinds?: Readonly<Record<string, EndpointKind>> | undefined;
  /** Methods that may be executed twice; a caller's `idempotent` wins. @default none */
  readonly idempotent?: readonly string[] | undefined;
}

/** A Go Micro service as we call it. */
export interface GoMicroService {
  endpoint(method: string): EndpointInfo;
  /** `Greeter.Hello` for `hello`. What has a dot is such a name already. */
  goName(method: string): string;
}

export function goMicroService(name: string, options: GoMicroServiceOptions = {}): GoMicroService {
  const { type, kinds = {}, idempotent = [] } = options;
  return {
    endpoint: (method) => ({
      ...assumedUnary(method),
      ...(Object.hasOwn(kinds, method) && { kind: kinds[method] as EndpointKind }),
      idempotent: idempotent.includes(method),
    }),
    goName(method) {
      if (method.includes(".")) return method;
      const found = toGoName(name, method);
      return type === undefined ? found : type + found.slice(found.lastIndexOf("."));
    },
  };
}
