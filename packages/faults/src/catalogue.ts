import type { Scenario } from "./scenario.ts";
import { kill } from "./scenarios/kill.ts";
import { rolling } from "./scenarios/rolling.ts";
import { slow } from "./scenarios/slow.ts";
import { stopped } from "./scenarios/stopped.ts";

export const SCENARIOS: readonly Scenario[] = [kill, rolling, stopped, slow];
