import { appendFileSync } from "node:fs";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { silentLogger } from "@skein/core";
import { createEventBus } from "@skein/nats";

/** Writes the id of each event that it handles to a ledger, one a line, some time before it is done with the event. Ends in order on SIGTERM. */
const [url, ledger] = process.argv.slice(2) as [string, string];
const bus = createEventBus(url, { runtime, logger: silentLogger });
const receiver = await bus.subscribe({
  name: "order.>",
  queue: "ledger",
  concurrency: 16,
  from: "all",
  async handle({ event }) {
    appendFileSync(ledger, `${event.id}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  },
  onTrouble: (error) => process.stderr.write(`${error.message}\n`),
});
process.on("SIGTERM", async () => {
  await receiver.close();
  await bus.close();
});
process.stdout.write("ready\n");
