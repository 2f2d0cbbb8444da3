/**
 * What a fleet is and what happens to it: plain data, all of it bounded.
 *
 * With the same scenario the same happens to the same agents at the same moments, however many
 * processes they are spread over.
 */
import type { Bounds } from "./quantity.ts";

export interface RackOutage {
  readonly racks: number;
  readonly atMs: number;
  readonly lastsMs: number;
}

export interface ReconnectStorm {
  readonly percent: number;
  readonly atMs: number;
}

export interface Scenario {
  readonly agents: number;
  /** Agents are spread over them in blocks; each has its rack as a label. */
  readonly racks: number;
  /** Of the nodes' names: `fleet-17`. */
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seed: number;
  /** From when all agents are known on. */
  readonly durationMs: number;
  /** How long what is still in outboxes may take at the end. */
  readonly drainMs: number;
  /** How many agents begin to connect in a second. */
  readonly startsPerSecond: number;
  /** Of all agents together. */
  readonly factsPerSecond: number;
  /** Of text in each of these facts. */
  readonly factBytes: number;
  readonly actionMsMin: number;
  readonly actionMsMax: number;
  readonly actionFailPercent: number;
  /** Of all agents together, each minute. */
  readonly crashesPerMinute: number;
  readonly restartsPerMinute: number;
  readonly wipesPerMinute: number;
  /** Their services go down and up again by themselves. */
  readonly flappingPercent: number;
  readonly flapEveryMs: number;
  /** Their actions take so many times as long. */
  readonly slowPercent: number;
  readonly slowFactor: number;
  /** They report what contradicts itself. */
  readonly lyingPercent: number;
  readonly rackOutages: readonly RackOutage[];
  readonly reconnects: readonly ReconnectStorm[];
}

/** What one value of a scenario is, in a file and as an option. */
export type Field =
  | {
      readonly type: "count" | "duration";
      readonly bounds: Bounds;
      readonly default: number;
      readonly help: string;
    }
  | { readonly type: "name"; readonly default: string; readonly help: string }
  | { readonly type: "labels" | "rackOutages" | "reconnects"; readonly help: string };

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

export const AGENTS_MAX = 50_000;
/** Of a list in a scenario. */
export const LIST_MAX = 100;

function count(min: number, max: number, byDefault: number, help: string): Field {
  return { type: "count", bounds: { min, max }, default: byDefault, help };
}

function duration(min: number, max: number, byDefault: number, help: string): Field {
  return { type: "duration", bounds: { min, max }, default: byDefault, help };
}

/** Every value of a scenario. */
export const FIELDS: { readonly [Key in keyof Scenario]: Field } = {
  agents: count(1, AGENTS_MAX, 100, "how many agents"),
  racks: count(1, AGENTS_MAX, 10, "racks they stand in; label rack=rack-N"),
  prefix: { type: "name", default: "fleet", help: "of the nodes' names" },
  labels: { type: "labels", help: "labels of every node, KEY=VALUE,…" },
  seed: count(0, 4_294_967_295, 1, "fixes what happens to whom and when"),
  durationMs: duration(SECOND_MS, DAY_MS, 60 * SECOND_MS, "how long, once all agents are known"),
  drainMs: duration(0, 3_600 * SECOND_MS, 60 * SECOND_MS, "for what is in outboxes at the end"),
  startsPerSecond: count(1, 5_000, 500, "agents that begin to connect in a second"),
  factsPerSecond: count(0, 1_000_000, 0, "changes reported by all agents together"),
  factBytes: count(0, 4_096, 190, "of text in each; 190 makes 256 bytes in the log"),
  actionMsMin: duration(0, 600 * SECOND_MS, 5, "an action takes at least"),
  actionMsMax: duration(0, 600 * SECOND_MS, 50, "an action takes at most"),
  actionFailPercent: count(0, 100, 0, "actions that fail"),
  crashesPerMinute: count(0, 600_000, 0, "services that crash, in the whole fleet"),
  restartsPerMinute: count(0, 60_000, 0, "agents that are killed and start again"),
  wipesPerMinute: count(0, 60_000, 0, "nodes reinstalled under their old name"),
  flappingPercent: count(0, 100, 0, "agents whose service goes down and up by itself"),
  flapEveryMs: duration(100, 600 * SECOND_MS, SECOND_MS, "between two turns of a flapping service"),
  slowPercent: count(0, 100, 0, "agents whose actions take longer"),
  slowFactor: count(1, 10_000, 20, "how many times as long"),
  lyingPercent: count(0, 100, 0, "agents whose reports contradict each other"),
  rackOutages: { type: "rackOutages", help: "racks that lose power: `2 at 20s for 10s`" },
  reconnects: { type: "reconnects", help: "agents that reconnect at once: `100% at 30s`" },
};

export const FIELD_NAMES: readonly (keyof Scenario)[] = Object.keys(FIELDS) as (keyof Scenario)[];

/** How a value is called in a file; options are the same in kebab-case. */
export function keyOf(name: keyof Scenario): string {
  return name.replace("Ms", "");
}
