export { createHttpDoor, type HttpDoorOptions } from "./door.ts";
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./limits.ts";
export { matchHttp } from "./match.ts";
