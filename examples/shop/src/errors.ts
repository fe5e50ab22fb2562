import { defineErrors } from "skein";

/** Shared by the services and their callers. */
export const ShopErrors = defineErrors({
  /** A step of the order may or may not have been executed: somebody has to look. */
  OUTCOME_UNKNOWN: { code: "ABORTED" },
});
