export { json } from "./json.ts";
export { msgpack } from "./msgpack.ts";
