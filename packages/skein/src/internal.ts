/** For our own tools; not for users. */

export { findJsonFault } from "@skein/core/internal";
export { type AmbientContext, ambient, createAmbientContext } from "./ambient.ts";
export { type Config, type Environment, resolveConfig } from "./config/resolve-config.ts";
export { ConfigError } from "./config/setting.ts";
export { loggerOf } from "./logger/logger-of.ts";
export { sanitizeText } from "./logger/sanitize.ts";
export { createNodeRuntime, nodeRuntime } from "./node-runtime.ts";
export { type OpenedRegistry, openRegistry } from "./open-registry.ts";
export { SetupError } from "./setup-error.ts";
export { createTransports } from "./transports.ts";
