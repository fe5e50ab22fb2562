import type { Interceptor } from "@skein/core";
import { createClient, defineService, serve, unary } from "skein";
import { getUser, type User, type UserRequest } from "../load/service.ts";
import { type MicroCase, type MicroResult, measureCases } from "./measure.ts";

const IN_FLIGHT = 64;
const request: UserRequest = { id: "u1", kind: "small" };
const contract = defineService("bench", { getUser: unary<UserRequest, User>() });

const idle: Interceptor = (next) => (call) => next(call);
const idleAsync: Interceptor = (next) => async (call) => await (next(call) as Promise<unknown>);

interface Setting {
  readonly name: string;
  readonly client: readonly Interceptor[];
  readonly server: readonly Interceptor[];
}

export const WITHOUT = "no interceptor";
const settings: readonly Setting[] = [
  { name: WITHOUT, client: [], server: [] },
  { name: "an idle one at the client", client: [idle], server: [] },
  { name: "an idle one at the server", client: [], server: [idle] },
  { name: "an idle one on each side", client: [idle], server: [idle] },
  { name: "an idle async one on each side", client: [idleAsync], server: [idleAsync] },
];

/** Calls over the memory transport, client and server in this process, 64 in flight: what both sides take together. */
export async function measureInterceptors(): Promise<readonly MicroResult[]> {
  const opened: { close(): Promise<void> }[] = [];
  const start = async ({ name, client, server }: Setting, index: number): Promise<MicroCase> => {
    const registry = `memory:interceptors-${index}`;
    const service = contract.implement({ getUser: async (r) => getUser(r) });
    const listen = `memory:interceptors-${index}`;
    opened.push(
      await serve(service, { registry, listen, log: "silent", signals: false, interceptors: server }),
    );
    const caller = createClient({ registry, log: "silent", interceptors: client });
    opened.push(caller);
    const bench = caller.service(contract);
    return {
      name,
      async run(count) {
        const callOften = async (): Promise<void> => {
          for (let i = 0; i < count; i += IN_FLIGHT) await bench.getUser(request);
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, callOften));
      },
    };
  };
  try {
    return await measureCases(await Promise.all(settings.map(start)));
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}
