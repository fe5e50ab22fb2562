import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createPrompt } from "./prompt.ts";

function terminal() {
  const input = new PassThrough();
  const prompt = createPrompt(input, new PassThrough());
  return { input, prompt };
}

test("an answer, an empty one, and lines that came early", async () => {
  const { input, prompt } = terminal();
  input.write(" shop \n\norders\n");
  expect(await prompt.ask("Where?", "skein-app")).toBe("shop");
  expect(await prompt.ask("What?", "user")).toBe("user");
  expect(await prompt.ask("What else?", "user")).toBe("orders");
  prompt.close();
});

test.each([
  ["Ctrl-C", "\x03"],
  ["Ctrl-D", "\x04"],
])("%s cancels", async (_, key) => {
  const { input, prompt } = terminal();
  const asked = prompt.ask("Where?", "skein-app");
  input.write(key);
  await expect(asked).rejects.toMatchObject({ exitCode: 130, message: "Cancelled; nothing was written." });
});
