/** What backends are made of: for those who write one, not for users. See docs/guides/write-a-registry.md. */
export { checkInstance } from "../check-instance.ts";
export { SnapshotFeed } from "../snapshot-feed.ts";
export { summarize } from "../summary.ts";
export { type Answer, type AskAgainOptions, askAgain } from "./ask-again.ts";
export {
  type BackendUrl,
  type BackendUrlForm,
  choiceParam,
  durationParam,
  parseBackendUrl,
  urlFault,
} from "./backend-url.ts";
export { goJson, isObject, type Json, jsonObject, sorted, textsOf } from "./foreign-json.ts";
export { instanceFrom, isMetadata, parseInstance } from "./instance-record.ts";
export { type JsonAnswer, JsonClient, type JsonQuestion } from "./json-client.ts";
export { Malformed } from "./malformed.ts";
export { NodeRegistry, type RegistryNode } from "./node-registry.ts";
export { backoffMs, pause } from "./pause.ts";
export { RateLimit } from "./rate-limit.ts";
export { type SettleTimes, settled } from "./settled.ts";
export { SharedWatches, type StartWatch, type WatchTeller } from "./shared-watches.ts";
export { ToldWatch } from "./told-watch.ts";
export { unfitWarning } from "./unfit.ts";
