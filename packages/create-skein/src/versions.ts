import { readFileSync } from "node:fs";

/** Tools of a new project: the versions Skein itself is built and tested with. */
export const TOOL_VERSIONS = {
  "@types/node": "^20.19.43",
  "pino-pretty": "^13.2.0",
  tsx: "^4.23.15",
  typescript: "^7.0.2",
  vitest: "^4.1.12",
} as const;

/** Of this package; all of Skein's packages are released together. */
export function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return String(manifest.version);
  throw new Error("create-skein: its own package.json has no version");
}
