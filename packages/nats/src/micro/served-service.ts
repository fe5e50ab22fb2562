import type { ServiceDescription } from "@skein/core";
import type { NatsMessage } from "../nats-port.ts";
import {
  endpointSubject,
  isMicroName,
  isReply,
  microName,
  microVersion,
  VERBS,
  type Verb,
  verbSubjects,
} from "./micro-names.ts";
import { IDEMPOTENT, infoRecord, type MicroIdentity, pingRecord, statsRecord } from "./records.ts";
import { Room } from "./room.ts";
import { type EndpointPorts, ServedEndpoint } from "./served-endpoint.ts";

const encoder = new TextEncoder();

export interface ServedServiceOptions {
  readonly description: ServiceDescription;
  readonly id: string;
  readonly queue: string;
  /** In front of each subject, as far as there is anything. */
  readonly front: readonly string[];
  readonly namespace: string | undefined;
}

/** One service as NATS's own tools see it. From its making until end() it says what there is; offer() lets callers come. */
export class ServedService {
  readonly #o: ServedServiceOptions;
  readonly #p: EndpointPorts;
  readonly #identity: MicroIdentity;
  readonly #endpoints: readonly ServedEndpoint[];
  readonly #started: string;
  readonly #ends: (() => void)[];

  constructor(options: ServedServiceOptions, ports: EndpointPorts) {
    this.#o = options;
    this.#p = ports;
    this.#identity = identityOf(options, ports);
    this.#endpoints = this.#endpointsOf();
    this.#started = new Date(ports.host.runtime.clock.now()).toISOString();
    const { name, id } = this.#identity;
    this.#ends = VERBS.flatMap((verb) =>
      verbSubjects(verb, name, id).map((subject) => this.#listen(verb, subject)),
    );
  }

  #listen(verb: Verb, subject: string): () => void {
    return this.#p.port.subscribe(
      subject,
      (message) => this.#tell(verb, message),
      (error) => this.#p.warn({ subject, cause: error.message }, "NATS does not let us answer what we serve"),
    );
  }

  #endpointsOf(): readonly ServedEndpoint[] {
    const { description, queue, front } = this.#o;
    const { service, version } = description;
    const room = new Room();
    const served: ServedEndpoint[] = [];
    for (const { name: method, kind, idempotent } of description.endpoints) {
      if (method.startsWith("$") || kind !== "unary") continue;
      const name = microName(method);
      const subject = endpointSubject(front, service, method);
      if (name === undefined || subject === undefined) {
        this.#p.warn({ service, method }, "an endpoint is not offered on NATS: its name makes no subject");
        continue;
      }
      const metadata = {
        ...(name !== method && { "skein.method": method }),
        ...(idempotent && { [IDEMPOTENT]: "true" }),
      };
      const options = { service, version, method, name, subject, queue, metadata, room };
      served.push(new ServedEndpoint(options, this.#p));
    }
    return served;
  }

  #tell(verb: Verb, { reply }: NatsMessage): void {
    if (!isReply(reply)) return;
    this.#p.port.publish(reply, encoder.encode(JSON.stringify(this.#record(verb))));
  }

  #record(verb: Verb): object {
    if (verb === "PING") return pingRecord(this.#identity);
    if (verb === "INFO") {
      const endpoints = this.#endpoints.map(({ o: { name, subject, queue, metadata } }) => ({
        name,
        subject,
        queue_group: queue,
        metadata,
      }));
      return infoRecord(this.#identity, `${this.#o.description.service}, served by Skein`, endpoints);
    }
    const endpoints = this.#endpoints.map(({ o: { name, subject, queue }, stats }) => ({
      name,
      subject,
      queue_group: queue,
      ...stats.report,
    }));
    return statsRecord(this.#identity, this.#started, endpoints);
  }

  /** Goes into its queue groups. Idempotent. */
  offer(): void {
    for (const endpoint of this.#endpoints) endpoint.offer();
  }

  /** Leaves them. Resolves once the requests on their way have been taken. Idempotent. */
  async withdraw(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.withdraw()));
  }

  /** Resolves once nothing runs. */
  async ended(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.ended()));
  }

  /** Says no more. */
  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

function identityOf(
  { description, id, namespace }: ServedServiceOptions,
  { host }: EndpointPorts,
): MicroIdentity {
  const { service } = description;
  const name = microName(service);
  if (name === undefined) throw new Error(`the service name ${JSON.stringify(service)} is no name on NATS`);
  const version = microVersion(description.version);
  return {
    name,
    id: isMicroName(id) ? id : host.runtime.uniqueId(),
    version,
    metadata: {
      ...(name !== service && { "skein.service": service }),
      ...(version !== description.version && { "skein.version": description.version }),
      ...(namespace !== undefined && { "skein.namespace": namespace }),
    },
  };
}
