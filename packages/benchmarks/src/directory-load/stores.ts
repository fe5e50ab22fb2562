import { Agent, request } from "node:http";
import { SERVICE, type Written } from "./records.ts";

/** What the writer writes to, in another way than the client that is measured. */
export interface Store {
  /** Many at once, to begin with. */
  fill(all: readonly Written[]): Promise<void>;
  write(change: Written): Promise<void>;
  close(): void;
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });

function post(base: string, path: string, body: object): Promise<Record<string, unknown>> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const asked = request({ hostname, port, path, method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject).on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Record<string, unknown>);
        else reject(new Error(`${path}: ${response.statusCode}: ${text}`));
      });
    });
    asked.on("error", reject).end(JSON.stringify(body));
  });
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** etcd's default limit of a transaction is 128. */
const TXN = 100;

/** etcd by its JSON gateway, with the keys and values of the layout `skein`. */
export function etcdStore(base: string): Store {
  const put = ({ place, instance }: Written): object => ({
    key: base64(`/services/${SERVICE}/1.0.0/${place}`),
    value: base64(JSON.stringify(instance)),
  });
  return {
    async fill(all) {
      for (let from = 0; from < all.length; from += TXN) {
        const success = all.slice(from, from + TXN).map((written) => ({ request_put: put(written) }));
        await post(base, "/v3/kv/txn", { success });
      }
    },
    async write(change) {
      if (change.instance !== undefined) await post(base, "/v3/kv/put", put(change));
      else
        await post(base, "/v3/kv/deleterange", { key: base64(`/services/${SERVICE}/1.0.0/${change.place}`) });
    },
    close: () => agent.destroy(),
  };
}

const TTL_MS = 30_000;
const AT_ONCE = 32;

/** The HTTP centre, all under one lease. */
export async function centreStore(base: string): Promise<Store> {
  const { lease } = await post(base, "/lease", { ttlMs: TTL_MS });
  const beat = setInterval(() => void post(base, "/heartbeat", { lease }), TTL_MS / 3);
  const write = async ({ id, instance }: Written): Promise<void> => {
    if (instance === undefined) await post(base, "/deregister", { lease, id });
    else await post(base, "/register", { lease, instance });
  };
  return {
    async fill(all) {
      for (let from = 0; from < all.length; from += AT_ONCE)
        await Promise.all(all.slice(from, from + AT_ONCE).map(write));
    },
    write,
    close() {
      clearInterval(beat);
      agent.destroy();
    },
  };
}
