import type { EndpointInfo } from "../endpoint.ts";
import type { Instance, InstanceAddress } from "../instance.ts";
import type { Runtime } from "../runtime.ts";
import type {
  ClientSession,
  ClientSessionEvents,
  LivenessOptions,
  SessionLimits,
} from "../session/client-session-types.ts";

/**
 * A protocol that is not ours, spoken to servers that are not ours: `client.service("arith", { protocol: "jsonrpc" })`. It opens sessions; selection,
 * ejection, retries, the budget, deadlines, draining and suspicion are the client's own and hold as ever.
 */
export interface ForeignProtocol {
  /** As in the addresses of an instance's record, and in `client.service(name, { protocol })`. */
  readonly protocol: string;
  /**
   * For one service.
   * @throws Error that says why it cannot be called by this protocol
   */
  service(name: string): ForeignService;
  /**
   * Whether an instance's record says that it is called this way: it is then, without anybody having asked for the protocol. Asked only about
   * instances without an address of our own protocol. @default none is
   */
  readonly speaks?: ((instance: Instance) => boolean) | undefined;
}

export interface ForeignService {
  /** The one there is, where the protocol finds by itself who answers: the client's registry is not asked. @default those of the registry */
  readonly instance?: Instance | undefined;
  /** What is known of a method without asking an instance: such servers do not tell. Asked once a method, and sessions' `endpoints` say the same. */
  endpoint(method: string): EndpointInfo;
  /**
   * Connects to an instance. The session is `opening` until `events.ready()`; events come later, never before this has returned. Of its calls it says
   * what the session layer says (`RpcError`'s executed and retry): never sent: `no`, `elsewhere`; connection lost: `maybe`; the server's own error: `yes`.
   */
  open(options: ForeignSessionOptions): ClientSession | Promise<ClientSession>;
}

export interface ForeignSessionOptions {
  readonly runtime: Runtime;
  readonly instance: Instance;
  /** Of its addresses, the one of this protocol, else its first. */
  readonly address: InstanceAddress;
  /** Until ready(), ms. */
  readonly connectTimeoutMs: number;
  readonly credentials: string | undefined;
  readonly limits: Partial<SessionLimits> | undefined;
  readonly liveness: LivenessOptions;
  readonly events: ClientSessionEvents;
}

/** For a service whose methods nobody tells of: each is unary, and may not be executed twice unless its caller says so. */
export function assumedUnary(name: string): EndpointInfo {
  return { name, kind: "unary", idempotent: false, timeoutMs: undefined, priority: "normal" };
}

/** For a protocol that finds by itself who answers: the service as a whole, at no address. */
export function wholeService(service: string, protocol: string): Instance {
  return {
    service,
    version: "0.0.0",
    id: protocol,
    addresses: [{ protocol, url: `${protocol}:${service}` }],
    weight: 1,
    status: "serving",
    startedAt: "",
    metadata: {},
  };
}

/** Whether Go Micro's registry has it as a server of Go Micro's: what it speaks is written in its metadata. */
export function speaksGoMicro({ addresses, metadata }: Instance): boolean {
  return addresses.some(
    ({ protocol }) => protocol === "go-micro" || (protocol === "grpc" && metadata.protocol === "grpc"),
  );
}

/** Whether it has an address of gRPC, and is no server of Go Micro's: those have names and errors of their own. */
export function speaksGrpc(instance: Instance): boolean {
  return instance.addresses.some(({ protocol }) => protocol === "grpc") && !speaksGoMicro(instance);
}

/** Of its addresses the one for a protocol of that name; the first where none is: whoever wrote it down (`static:`, a bare key) did not say. */
export function foreignAddress(instance: Instance, protocol: string): InstanceAddress | undefined {
  return instance.addresses.find((a) => a.protocol === protocol) ?? instance.addresses[0];
}
