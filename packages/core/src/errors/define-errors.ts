import type { StandardSchema } from "../schema.ts";
import type { Code } from "./rpc-error.ts";

/** What an endpoint's `errors` names: the set made by defineErrors. */
export interface ErrorsContract {
  readonly definitions: ReadonlyMap<
    string,
    { readonly code: Code; readonly schema: StandardSchema | undefined }
  >;
}
