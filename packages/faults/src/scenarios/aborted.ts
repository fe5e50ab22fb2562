import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Aborted, AborterSettings, AbortOrder } from "../programs/aborter-protocol.ts";
import type { Usage } from "../programs/protocol.ts";
import type { Scenario } from "../scenario.ts";
import { startHelper } from "../stage/helper-process.ts";
import type { ServiceProcess } from "../stage/service-process.ts";

const MEGABYTE = 1024 * 1024;

export const aborted: Scenario = {
  name: "aborted",
  fault: "calls aborted before they leave, on their way, and as their answers come",
  control: "callers that leave without telling their calls",
  async run(stage, { full, control }) {
    const service = await stage.start();
    const settings: AborterSettings = { deaf: control };
    const env = { FAULTS_ABORTER: JSON.stringify(settings) };
    const aborter = await startHelper(stage, "aborter", env);
    let calls: CallRecord[] = [];
    const abort = async (prefix: string, count: number): Promise<Aborted> => {
      const file = join(stage.directory, `records-${prefix}`);
      const done = await aborter.ask<Aborted>({ prefix, count, file } satisfies AbortOrder, "aborted");
      calls = calls.concat(JSON.parse(readFileSync(file, "utf8")) as CallRecord[]);
      return done;
    };
    // What is made once and kept is there before it is measured.
    const before = await abort("w", full ? 10_000 : 2000);
    const servedBefore = await usage(service);
    // Three in ten are answered before their signals are raised.
    const after = await abort("c", full ? 150_000 : 15_000);
    const servedAfter = await usage(service);
    const executions = stage.executions().filter((e) => !e.call.endsWith("-plain"));
    const facts = checkLedger(calls, executions, { mayFail: ({ error }) => error?.code === "CANCELLED" });
    const others = calls.filter((c) => c.error !== undefined && c.error.code !== "CANCELLED").length;
    const told = calls.filter((c) => c.error !== undefined).length;
    const unsent = calls.filter((c) => c.error?.executed === "no").length;
    return outcome(facts, [
      fact("handlers that go on", servedAfter.holding, 0),
      fact("calls open at the client", after.pending, 0),
      fact("plain calls that failed afterwards", [before, after].filter((a) => !a.answered).length, 0),
      fact("calls that failed, but were not cancelled", others, 0),
      figure("cancelled", told, ""),
      figure("of them before they were sent", unsent, ""),
      figure("client's heap grew by", (after.heapBytes - before.heapBytes) / MEGABYTE, "MB", 10),
      figure("server's heap grew by", (servedAfter.heapBytes - servedBefore.heapBytes) / MEGABYTE, "MB", 10),
    ]);
  },
};

async function usage(service: ServiceProcess): Promise<Usage> {
  const answer = service.next("usage");
  service.tell({ kind: "usage" });
  return (await answer) as Usage;
}
