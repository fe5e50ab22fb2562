import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether an Authorization header carries the token, in a time that does not tell how much of it was right. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const right = digest(token);
  return (authorization) => {
    const [, given] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    return timingSafeEqual(digest(given ?? ""), right) && given !== undefined;
  };
}
