import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transportConformance } from "@skein/conformance";
import { createTcpTransport } from "./tcp.ts";
import { certificates } from "./test/certificates.ts";
import { testRuntime } from "./test/runtime.ts";

const runtime = testRuntime();
/** Reserved (RFC 1700): nothing listens there, and no user may. */
const NOBODY = 1;

transportConformance("tcp", {
  create: () => ({
    transport: createTcpTransport({ runtime }),
    address: "tcp://127.0.0.1:0",
    nowhere: `tcp://127.0.0.1:${NOBODY}`,
    close: () => {},
  }),
});

transportConformance("tls", {
  create: () => ({
    transport: createTcpTransport({ runtime, tls: certificates.server }),
    address: "tcp://127.0.0.1:0",
    nowhere: `tcp://127.0.0.1:${NOBODY}`,
    close: () => {},
  }),
});

transportConformance("unix", {
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), "skein-transport-"));
    return {
      transport: createTcpTransport({ runtime, scheme: "unix" }),
      address: `unix:${folder}/socket`,
      nowhere: `unix:${folder}/none`,
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});
