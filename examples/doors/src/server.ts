import { grpcDoor } from "@skein/grpc";
import { type App, type DoorName, serve } from "skein";
import { UserService } from "./user.service.ts";

export const PROTO = new URL("../src/user.proto", import.meta.url);

/** One service on one port, behind these doors; ours is always open. */
export async function startServer(doors: readonly DoorName[]): Promise<App> {
  return serve(new UserService(), {
    doors: doors.map((door) =>
      // The other doors need no more than their names; gRPC takes a .proto for those who speak protobuf.
      door === "grpc" ? grpcDoor({ protos: [{ service: "user", file: PROTO }] }) : door,
    ),
  });
}
