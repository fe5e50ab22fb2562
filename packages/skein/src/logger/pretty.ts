import type { DestinationStream } from "pino";
import { requireFromApp } from "../import-from-app.ts";

/** The part of pino-pretty that is used. */
type Pretty = (options: {
  readonly colorize: boolean;
  readonly destination: number;
  readonly sync: true;
  readonly translateTime: string;
  readonly ignore: string;
}) => DestinationStream;

/** Lines for people, written to the descriptor at once; undefined where pino-pretty is not installed. */
export function openPretty(descriptor: number, colorize: boolean): DestinationStream | undefined {
  const pretty = requireFromApp("pino-pretty") as Pretty | undefined;
  return pretty?.({
    colorize,
    destination: descriptor,
    sync: true,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
  });
}
