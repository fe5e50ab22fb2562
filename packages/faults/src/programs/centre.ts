// A registry centre (`skein registry`) that can be killed. FAULTS_CENTRE: host and port; FAULTS_CENTRE_DATA: its file, if it has one.
import { startCentre } from "@skein/registry/centre";
import { silentLogger } from "skein";
import { nodeRuntime } from "skein/internal";

await startCentre({
  runtime: nodeRuntime,
  logger: silentLogger,
  listen: process.env.FAULTS_CENTRE,
  dataFile: process.env.FAULTS_CENTRE_DATA,
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" });
