import { fileURLToPath } from "node:url";
import { createClient, type DoorName } from "skein";
import { goMicroCall } from "./go-micro-request.ts";
import { buildGo, has, output } from "./programs.ts";
import { PROTO } from "./server.ts";
import type { UserService } from "./user.service.ts";

/** Somebody who calls, with a client that was there before Skein. */
export interface Caller {
  readonly name: string;
  readonly door: DoorName | "skein";
  /** A program it cannot do without. */
  readonly needs?: "curl" | "go";
  /** `{ id: "42" }` asked of getUser; or, of health, its status. */
  call(host: string): Promise<unknown>;
}

const INPUT = { id: "42" };
const json = JSON.stringify(INPUT);
const proto = fileURLToPath(PROTO);
const grpcurl = (...args: readonly string[]): Promise<string> =>
  buildGo("grpc", "github.com/fullstorydev/grpcurl/cmd/grpcurl").then((program) =>
    output(program, "-plaintext", ...args),
  );

/** Those who ask for a user. */
export const callers: readonly Caller[] = [
  {
    name: "Skein's client",
    door: "skein",
    async call() {
      await using client = createClient();
      return await client.service<UserService>("user").getUser(INPUT);
    },
  },
  {
    name: "curl",
    door: "http",
    needs: "curl",
    call: async (host) =>
      JSON.parse(
        await output("curl", "-sS", "--fail-with-body", "--json", json, `http://${host}/user/getUser`),
      ),
  },
  {
    name: "Go Micro's request",
    door: "http",
    call: (host) => goMicroCall(host, INPUT),
  },
  {
    name: "Go net/rpc (jsonrpc.Dial)",
    door: "jsonrpc",
    needs: "go",
    call: async (host) => JSON.parse(await output(await buildGo("netrpc"), host)),
  },
  {
    name: "grpcurl (reflection)",
    door: "grpc",
    needs: "go",
    call: async (host) => JSON.parse(await grpcurl("-d", json, host, "acme.v1.UserService/GetUser")),
  },
  {
    name: "grpc-go (protobuf)",
    door: "grpc",
    needs: "go",
    call: async (host) => JSON.parse(await output(await buildGo("grpc"), host, proto)),
  },
];

/** Those who ask whether it is well. */
export const healthCallers: readonly Caller[] = [
  {
    name: "curl /health/ready",
    door: "http",
    needs: "curl",
    call: async (host) =>
      JSON.parse(await output("curl", "-sS", "--fail-with-body", `http://${host}/health/ready`)).status,
  },
  {
    name: "grpcurl grpc.health.v1",
    door: "grpc",
    needs: "go",
    call: async (host) => JSON.parse(await grpcurl(host, "grpc.health.v1.Health/Check")).status,
  },
];

/** Why it cannot be asked here; undefined when it can. */
export function missing({ needs }: Caller): string | undefined {
  if (needs === undefined || has(needs, needs === "go" ? "version" : "--version")) return undefined;
  return `there is no ${needs} on this machine`;
}
