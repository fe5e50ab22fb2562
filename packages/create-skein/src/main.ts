#!/usr/bin/env node
import { runCreate } from "./cli.ts";
import { createPrompt } from "./prompt.ts";

const { stdin, stdout, stderr } = process;
const prompt = stdin.isTTY && stdout.isTTY ? createPrompt(stdin, stdout) : undefined;
process.exitCode = await runCreate(process.argv.slice(2), {
  cwd: process.cwd(),
  stdout: (text) => stdout.write(text),
  stderr: (text) => stderr.write(text),
  ask: prompt?.ask,
});
prompt?.close();
