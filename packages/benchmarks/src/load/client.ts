// client.js MODULE_URL PORT SPARE_PORT VARIANT [NATS_URL]: the process that calls
import { loadAdapter } from "./adapter.ts";
import { answerCommands, say, usage } from "./commands.ts";
import { closedLoop, openLoop, streamLoop } from "./loops.ts";
import type { Info } from "./protocol.ts";
import { getUser } from "./service.ts";

const [moduleUrl = "", port, sparePort, variant = "", nats = ""] = process.argv.slice(2);
const adapter = await loadAdapter(moduleUrl);
const client = await adapter.connect({
  port: Number(port),
  sparePort: Number(sparePort),
  variant,
  nats,
  getUser,
});
answerCommands((command) => {
  switch (command.cmd) {
    case "info":
      return { stream: client.stream !== undefined } satisfies Info;
    case "usage":
      return usage();
    case "closed":
      return closedLoop(client, command);
    case "open":
      return openLoop(client, command);
    case "stream":
      return streamLoop(client, command);
  }
});
say({ ready: true });
