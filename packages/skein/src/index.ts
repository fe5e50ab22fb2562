export {
  type BusDelivery,
  type BusEvent,
  type BusReceiver,
  type BusSubscription,
  bidiStream,
  type CallContext,
  type CallDefaults,
  type CallOptions,
  type CallPolicy,
  type CheckResult,
  type Clock,
  type Code,
  type CodecFactory,
  clientStream,
  DEFAULT_HEDGE,
  DEFAULT_POLICY,
  type DefinedErrors,
  type DefinedEvent,
  type DefinedEvents,
  type DoorConnection,
  type DoorFactory,
  type DoorHost,
  type DoorOf,
  defineErrors,
  defineEvents,
  defineService,
  type EndpointDescription,
  type EndpointKind,
  type ErrorsContract,
  type EventBus,
  type EventContext,
  type EventOptions,
  type EventsOf,
  type EventsReport,
  type Executed,
  type ForeignProtocol,
  type Handlers,
  type Instance,
  type InstanceAddress,
  type InstanceStatus,
  type Interceptor,
  type Internal,
  type Invocation,
  type Logger,
  type Metadata,
  type MethodLimits,
  type MethodReport,
  type Next,
  type OnOptions,
  type Outcome,
  type Policy,
  type Priority,
  type PublishOptions,
  type QueueOptions,
  type Readiness,
  type RegistrationDescription,
  type Registry,
  Rpc,
  RpcError,
  type RpcErrorOptions,
  type RpcOptions,
  type SelectorFactory,
  type ServerLimits,
  Service,
  type ServiceCallOptions,
  type ServiceClient,
  type ServiceContract,
  type ServiceDescription,
  type ServiceOptions,
  type ServicePolicy,
  type ServiceSummary,
  type Snapshot,
  type StandardSchema,
  type Subscription,
  type SubscriptionReport,
  serverStream,
  silentLogger,
  type TypedError,
  unary,
} from "@skein/core";
export { currentContext } from "./ambient.ts";
export { type Announcement, type AnnounceOptions, announce } from "./announce.ts";
export type { App, AppState } from "./app-contract.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export { redactUrl } from "./config/redact.ts";
export type { ConfigOptions } from "./config/resolve-config.ts";
export type { EventsConfigOptions } from "./config/resolve-events.ts";
export type { DoorName, DoorOption } from "./doors/open-doors.ts";
export { type CreateEventsOptions, createEvents, type EventsClient } from "./events/create-events.ts";
export type { Events } from "./events/events-map.ts";
export { On } from "./events/on.ts";
export type { Check, CheckWithTimeout, HealthOptions } from "./health.ts";
export { createLogger, type LoggerOptions } from "./logger/create-logger.ts";
export type { LogLevel } from "./logger/levels.ts";
export type { BackendOptions, CreateRegistry } from "./open-registry.ts";
export type { SelfDial } from "./self-dial.ts";
export { serve } from "./serve.ts";
export type { ServeOptions } from "./serve-options.ts";
export type { Services } from "./services.ts";
