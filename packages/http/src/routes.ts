import type { HealthSource } from "@skein/core";

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly allow?: string | undefined;
}

/** What a request for `url` is answered. */
export async function answer(health: HealthSource, method: string, url: string): Promise<Answer> {
  const path = url.split("?", 1)[0] as string;
  if (path !== "/health/live" && path !== "/health/ready")
    return { status: 404, body: { error: "not found", endpoints: ["/health/live", "/health/ready"] } };
  if (method !== "GET" && method !== "HEAD")
    return { status: 405, body: { error: "method not allowed" }, allow: "GET, HEAD" };
  if (path === "/health/live") {
    const live = health.live();
    return { status: live ? 200 : 503, body: { status: live ? "live" : "not live" } };
  }
  const { ok, checks } = await health.ready();
  return { status: ok ? 200 : 503, body: { status: ok ? "ready" : "not ready", checks } };
}
