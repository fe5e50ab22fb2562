import { resolve } from "node:path";

/** Package managers run scripts in the package's folder; a path is meant from where the user stands. */
export const fromCaller = (file: string): string => resolve(process.env.INIT_CWD ?? process.cwd(), file);
