import { codecConformance } from "@skein/conformance";
import { json } from "./json.ts";
import { msgpack } from "./msgpack.ts";

codecConformance("msgpack", msgpack);
codecConformance("json", json, {
  lacks: ["bytes", "bigint", "date", "not-finite", "typed-arrays", "undefined"],
});
