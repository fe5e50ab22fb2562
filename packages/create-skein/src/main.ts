#!/usr/bin/env node
import { runCreate } from "./cli.ts";
import { promptOnTerminal } from "./prompt.ts";

process.exitCode = await runCreate(process.argv.slice(2), {
  cwd: process.cwd(),
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  ask: process.stdin.isTTY && process.stdout.isTTY ? promptOnTerminal : undefined,
});
