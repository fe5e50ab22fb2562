// server.js MODULE_URL PORT SPARE_PORT VARIANT [NATS_URL]: the process that serves
import { loadAdapter } from "./adapter.ts";
import { answerCommands, say, usage } from "./commands.ts";
import { getUser } from "./service.ts";

const [moduleUrl = "", port, sparePort, variant = "", nats = ""] = process.argv.slice(2);
const adapter = await loadAdapter(moduleUrl);
await adapter.startServer({ port: Number(port), sparePort: Number(sparePort), variant, nats, getUser });
answerCommands((command) => {
  if (command.cmd === "usage") return usage();
  throw new Error(`a server does not know the command "${command.cmd}"`);
});
say({ ready: true });
