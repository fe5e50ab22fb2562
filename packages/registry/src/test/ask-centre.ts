export interface Answer {
  readonly status: number;
  readonly body: any;
  readonly headers: Headers;
}

/** What a path of a centre answers. */
export async function ask(url: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url + path, init);
  return { status: response.status, body: await response.json(), headers: response.headers };
}
/** As curl -d does. */
export const form = (fields: Record<string, string>): RequestInit => ({
  method: "POST",
  body: new URLSearchParams(fields),
});
export const json = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});
export const INSTANCE = {
  service: "user",
  version: "1.0.0",
  id: "u1",
  addresses: [{ protocol: "skein", url: "tcp://127.0.0.1:4000" }],
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: {},
};

/** What `curl -d name=Arith -d addr=127.0.0.1:1234` sends. */
export const ARITH = { name: "Arith", addr: "127.0.0.1:1234" };
