import { createGunzip, gunzip as gunzipAll } from "node:zlib";
import { noGzip, tooLong } from "./read-body.ts";
import type { HttpRefusal } from "./refusal.ts";

export { createGunzip };

/** @throws HttpRefusal 413 when there is more in it than maxBytes, of which no more is made; 400 when it is no gzip */
export function gunzip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzipAll(bytes, { maxOutputLength: maxBytes }, (error, text) => {
      if (error === null) resolve(text);
      else reject(gunzipFault(error, maxBytes));
    });
  });
}

function gunzipFault(error: Error & { readonly code?: string }, maxBytes: number): HttpRefusal {
  return error.code === "ERR_BUFFER_TOO_LARGE" ? tooLong("the body", maxBytes) : noGzip();
}
