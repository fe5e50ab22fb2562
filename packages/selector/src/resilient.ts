import type { SelectorFactory } from "@skein/core";
import { ejecting } from "./ejection.ts";
import { preferZone } from "./prefer-zone.ts";
import { slowStart } from "./slow-start.ts";

/** What clients are given unless they say otherwise, around any selector: the zone first, newcomers little by little, away from those that fail; as its policy says. */
export function resilient(factory: SelectorFactory): SelectorFactory {
  return ejecting(slowStart(preferZone(factory)));
}
