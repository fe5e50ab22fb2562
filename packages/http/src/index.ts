export type { GoNames, OurName } from "@skein/core/internal";
export { createDoor, httpDoor } from "./call-door.ts";
export type { CorsOptions } from "./cors.ts";
export { createHttpDoor, type HttpDoorOptions } from "./door.ts";
export { type ErrorBody, STATUS_OF } from "./error-answer.ts";
export type { HttpOptions } from "./http-options.ts";
export { DEFAULT_CALL_LIMITS, DEFAULT_HTTP_LIMITS, type HttpLimits } from "./limits.ts";
export { matchHttp } from "./match.ts";
