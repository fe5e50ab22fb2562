import { connect, type Socket } from "node:net";
import { afterEach, expect } from "vitest";
import { createMemoryRegistry } from "../../../registry/src/index.ts";
import { type App, type ServeOptions, serve } from "../../../skein/src/index.ts";
import { nodeRuntime } from "../../../skein/src/internal.ts";
import { httpDoor } from "../call-door.ts";
import type { HttpOptions } from "../http-options.ts";
import { DeskService } from "./desk.ts";

export interface OpenDesk {
  readonly app: App;
  readonly desk: DeskService;
  /** Without a slash behind. */
  readonly url: string;
  readonly port: number;
}

/** A desk behind a real port, for one test; ended after it. */
export function useDesk() {
  const apps: App[] = [];
  const raws: Socket[] = [];
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    for (const socket of raws.splice(0)) socket.destroy();
    expect(process.listenerCount("SIGTERM")).toBe(0);
  });
  return {
    async open(door: HttpOptions = {}, options: ServeOptions = {}): Promise<OpenDesk> {
      const registry = createMemoryRegistry({ runtime: nodeRuntime });
      const desk = new DeskService();
      const doors = [httpDoor(door)];
      const app = await serve(desk, { registry, log: "silent", signals: false, doors, ...options });
      apps.push(app);
      const port = Number(new URL(app.address).port);
      return { app, desk, url: `http://127.0.0.1:${port}`, port };
    },
    raw(port: number): RawPeer {
      const peer = new RawPeer(port);
      raws.push(peer.socket);
      return peer;
    },
  };
}

/** A peer that writes what it likes. */
export class RawPeer {
  readonly socket: Socket;
  readonly ended: Promise<string>;
  #text = "";
  readonly #looks = new Set<() => void>();

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.setEncoding("latin1").on("data", (chunk: string) => {
      this.#text += chunk;
      for (const look of [...this.#looks]) look();
    });
    this.ended = new Promise((resolve) => this.socket.on("close", () => resolve(this.#text)));
  }
  get text(): string {
    return this.#text;
  }
  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }
  /** All that came, once it has `part`. */
  until(part: string | RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (typeof part === "string" ? !this.#text.includes(part) : !part.test(this.#text)) return;
        this.#looks.delete(look);
        resolve(this.#text);
      };
      this.#looks.add(look);
      look();
    });
  }
}

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

/** JSON in, JSON out. */
export async function post(
  url: string,
  input?: unknown,
  headers: Record<string, string> = {},
): Promise<Posted> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...(input !== undefined && { "content-type": "application/json" }), ...headers },
    ...(input !== undefined && { body: typeof input === "string" ? input : JSON.stringify(input) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** A request in bytes. */
export function request(path: string, body = "", headers = "content-type: application/json\r\n"): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
