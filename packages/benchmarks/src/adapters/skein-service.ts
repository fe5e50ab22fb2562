import { defineService, serverStream, unary } from "skein";
import type { AdapterOptions } from "../load/adapter.ts";
import type { StreamRequest, User, UserRequest } from "../load/service.ts";

export const contract = defineService("bench", {
  getUser: unary<UserRequest, User>(),
  streamUsers: serverStream<StreamRequest, User>(),
});

export function implement(getUser: AdapterOptions["getUser"]) {
  return contract.implement({
    getUser: async (request) => getUser(request),
    async *streamUsers(request) {
      for (let i = 0; i < request.count; i++) yield getUser(request);
    },
  });
}
