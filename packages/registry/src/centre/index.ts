/** The HTTP registry centre: what `skein registry` starts. */
export { type Centre, type CentreOptions, DEFAULT_LISTEN, startCentre } from "./centre.ts";
