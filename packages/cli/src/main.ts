#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { openBackplane } from "./open.ts";
import { processIo } from "./process-io.ts";
import { runCli } from "./run.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const { io, close } = processIo();
process.exitCode = await runCli(process.argv.slice(2), io, { open: openBackplane, version });
close();
