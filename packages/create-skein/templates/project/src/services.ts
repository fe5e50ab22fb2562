import { __Class__Service } from "./__name__.service.js";

/** What this process serves; `npx skein new service NAME` adds to it. */
export const services = [new __Class__Service()];
