import { createClient } from "skein";
import type { HelloService } from "./service.ts";

await using client = createClient();
console.log(await client.service<HelloService>("hello").greet({ name: process.argv[2] ?? "world" }));
