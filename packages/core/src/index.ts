export { type Client, createClient } from "./client/client.ts";
export type { CallDefaults, ClientOptions } from "./client/client-options.ts";
export {
  type CallPolicy,
  type ConnectPolicy,
  DEFAULT_HEDGE,
  DEFAULT_POLICY,
  type DefaultPolicy,
  type EjectionPolicy,
  type HedgePolicy,
  type Policy,
  type RetryBudgetPolicy,
  type RetryPolicy,
  type ServicePolicy,
  type SlowStartPolicy,
  type SubsetPolicy,
  type TargetPolicy,
} from "./client/policy.ts";
export type { SelectionPolicy } from "./client/resolve-policy.ts";
export {
  type Codec,
  CodecError,
  type CodecFactory,
  DEFAULT_DECODE_LIMITS,
  type DecodeLimits,
} from "./codec.ts";
export type { CallContext, Metadata } from "./context.ts";
export { Rpc, Service, type ServiceOptions } from "./definition/decorators.ts";
export {
  bidiStream,
  clientStream,
  defineService,
  type Handlers,
  type ServiceContract,
  serverStream,
  unary,
} from "./definition/define-service.ts";
export type { EndpointSpec } from "./definition/endpoint-spec.ts";
export { On, type OnFactory } from "./definition/on.ts";
export type { RpcOptions } from "./definition/rpc-options.ts";
export { toDefinition } from "./definition/to-definition.ts";
export {
  type ConnectionState,
  createDirectory,
  type Directory,
  type DirectoryOptions,
} from "./directory/directory.ts";
export { followService } from "./directory/follow-service.ts";
export type {
  CheckResult,
  DoorConnection,
  DoorFactory,
  DoorHost,
  DoorOf,
  HealthSource,
  OutsideDoor,
  OutsideDoorFactory,
  Readiness,
} from "./door-host.ts";
export type {
  Endpoint,
  EndpointInfo,
  EndpointKind,
  MethodLimits,
  Priority,
  ServiceDefinition,
} from "./endpoint.ts";
export {
  type DefinedErrors,
  defineErrors,
  type ErrorKind,
  type ErrorSpec,
  type ErrorsContract,
  type TypedError,
} from "./errors/define-errors.ts";
export {
  CODES,
  type Code,
  type Executed,
  type RetryAdvice,
  RpcError,
  type RpcErrorOptions,
} from "./errors/rpc-error.ts";
export { createEvents } from "./events/create-events.ts";
export {
  type AnyEvent,
  type DefinedEvent,
  type DefinedEvents,
  defineEvents,
  type EventsOf,
} from "./events/define-events.ts";
export type { BusDelivery, BusEvent, BusReceiver, BusSubscription, EventBus } from "./events/event-bus.ts";
export type { EventContext } from "./events/event-context.ts";
export type { EventHandler } from "./events/event-handler.ts";
export type { EventsReport, SubscriptionReport } from "./events/event-report.ts";
export type {
  AttachedHandlers,
  EventsClient,
  EventsHub,
  EventsOptions,
  PublishOptions,
  Subscription,
} from "./events/events-client.ts";
export { createMemoryBus, type MemoryBusOptions } from "./events/memory-bus.ts";
export type { EventOptions, OnOptions } from "./events/subscribe-options.ts";
export type {
  ForeignProtocol,
  ForeignService,
  ForeignSessionOptions,
} from "./foreign/foreign-protocol.ts";
export type { Instance, InstanceAddress, InstanceStatus, ServiceSummary, Snapshot } from "./instance.ts";
export type { Interceptor, Invocation, Next, Outcome } from "./interceptor.ts";
export { createLeaseKeeper } from "./lease/lease-keeper.ts";
export type { LeaseKeeper, LeaseKeeperOptions, LeaseState } from "./lease/lease-keeper-types.ts";
export { type Lease, LeaseLostError, type LeaseOptions, type Registry } from "./registry.ts";
export {
  type Clock,
  type ContextStore,
  type HeapUse,
  type Logger,
  type Runtime,
  silentLogger,
  type Timer,
} from "./runtime.ts";
export type { StandardIssue, StandardResult, StandardSchema } from "./schema.ts";
export type {
  Candidate,
  CandidateState,
  Pick,
  Picker,
  PickRequest,
  Selector,
  SelectorFactory,
  SelectorOptions,
} from "./selector.ts";
export type { EndpointDescription, RegistrationDescription, ServiceDescription } from "./server/describe.ts";
export type { QueueOptions } from "./server/queue-options.ts";
export type { MethodReport } from "./server/report.ts";
export { createServer, type DrainOptions, type Server, type ServerOptions } from "./server/server.ts";
export type { ServerLimits } from "./server/server-limits.ts";
export type { LivenessOptions, SessionLimits } from "./session/client-session-types.ts";
export type {
  Connection,
  ConnectionHandler,
  DialOptions,
  Door,
  Listener,
  ListenOptions,
  Transport,
  Writer,
} from "./transport.ts";
export type { CallOptions, ServiceCallOptions } from "./types/call-options.ts";
export type { Internal, ServiceClient, ServiceMethods } from "./types/service-client.ts";
