// A caller in a process of its own. It knows the contract, never the service's code: npm run client -- Ada
import { createClient } from "skein";
import type { __Class__Contract } from "./__name__.contract.js";

await using client = createClient();
const __variable__ = client.service<__Class__Contract>("__name__");

const created = await __variable__.create__Entity__({ name: process.argv[2] ?? "Ada" });
console.log("created", await __variable__.get__Entity__({ id: created.id }));
for await (const one of __variable__.list__Entities__()) console.log("listed", one);
