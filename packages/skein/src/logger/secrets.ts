const SECRETS = new Set([
  "authorization",
  "cookie",
  "cookies",
  "credential",
  "credentials",
  "key",
  "passphrase",
  "passwd",
  "password",
  "passwords",
  "pwd",
  "secret",
  "secrets",
  "token",
  "tokens",
]);
const RUN_TOGETHER = /(?:apikey|privatekey|accesskey|secretkey|authtoken|accesstoken|password|secret)$/;

/** Whether a field of this name is never shown: `authorization`, `x-api-key`, `accessToken`, `DB_PASSWORD`, … */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const last = words.findLast((word) => word !== "") ?? "";
  return SECRETS.has(last) || RUN_TOGETHER.test(last);
}
