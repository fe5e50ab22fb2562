import { registryConformance } from "@skein/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { etcdHarness } from "./test/etcd-harness.ts";
import { EtcdServer, etcdBinary } from "./test/etcd-server.ts";

describe.skipIf(etcdBinary() === undefined)("with a real etcd", () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await EtcdServer.create();
    await server.start();
  });
  afterAll(() => server.close());

  registryConformance("etcd", () => etcdHarness(server));
  registryConformance("etcd, layout plain", () => etcdHarness(server, "layout=plain"));
  registryConformance("etcd, layouts skein, go-micro and grpc at once", () =>
    etcdHarness(server, "layout=skein,go-micro,grpc&grpcTarget=grpc/{service}"),
  );
});
