/**
 * What happens to which agent and when: drawn from the scenario alone, before anything runs.
 *
 * Every process of a fleet draws the whole list and carries out what is for its own agents, so the
 * list does not depend on how agents are spread. Pure.
 */
import { assert, Prng } from "@atoll/stdx";
import type { Scenario } from "./scenario.ts";

export type HappeningType =
  | "serviceCrash"
  | "agentRestart"
  | "wipe"
  | "flap"
  | "powerOff"
  | "powerOn"
  | "reconnect";

export interface Happening {
  /** Since the beginning of the run. */
  readonly atMs: number;
  readonly agent: number;
  readonly type: HappeningType;
}

/** How an agent differs from the others, all along. */
export interface Traits {
  readonly flapping: boolean;
  readonly slow: boolean;
  readonly lying: boolean;
}

/** More is a mistake in the scenario. */
export const HAPPENINGS_MAX = 2_000_000;
const MINUTE_MS = 60_000;

/** In order of time; of one moment, in the order of agents. */
export function drawHappenings(scenario: Scenario): readonly Happening[] {
  const { agents, durationMs, seed } = scenario;
  const prng = new Prng(seed);
  const happenings: Happening[] = [];
  const add = (happening: Happening): void => {
    assert(happenings.length < HAPPENINGS_MAX, `more than ${HAPPENINGS_MAX} happenings`);
    happenings.push(happening);
  };
  for (const [type, perMinute] of [
    ["serviceCrash", scenario.crashesPerMinute],
    ["agentRestart", scenario.restartsPerMinute],
    ["wipe", scenario.wipesPerMinute],
  ] as const) {
    const draws = prng.child(type);
    const total = Math.floor((perMinute * durationMs) / MINUTE_MS);
    for (let made = 0; made < total; made += 1) {
      add({ atMs: draws.below(durationMs), agent: draws.below(agents), type });
    }
  }
  addFlapping(scenario, prng, add);
  addOutages(scenario, prng.child("outages"), add);
  addStorms(scenario, prng.child("storms"), add);
  return happenings.toSorted((one, other) => one.atMs - other.atMs || one.agent - other.agent);
}

export function drawTraits(scenario: Scenario, agent: number): Traits {
  const draws = new Prng(scenario.seed).child(`agent ${agent}`);
  const draw = (percent: number): boolean => draws.chance(percent, 100);
  return {
    flapping: draw(scenario.flappingPercent),
    slow: draw(scenario.slowPercent),
    lying: draw(scenario.lyingPercent),
  };
}

/** Racks are blocks of neighbours. */
export function rackOf({ agents, racks }: Scenario, agent: number): number {
  return Math.floor((agent * racks) / agents);
}

function addFlapping(scenario: Scenario, prng: Prng, add: (one: Happening) => void): void {
  const { agents, durationMs, flapEveryMs } = scenario;
  if (scenario.flappingPercent === 0) return;
  for (let agent = 0; agent < agents; agent += 1) {
    if (!drawTraits(scenario, agent).flapping) continue;
    const phaseMs = prng.child(`flap ${agent}`).below(flapEveryMs);
    for (let atMs = phaseMs; atMs < durationMs; atMs += flapEveryMs) {
      add({ atMs, agent, type: "flap" });
    }
  }
}

function addOutages(scenario: Scenario, prng: Prng, add: (one: Happening) => void): void {
  const all = Array.from({ length: scenario.racks }, (_, rack) => rack);
  for (const { racks, atMs, lastsMs } of scenario.rackOutages) {
    const dark = new Set(prng.shuffle(all).slice(0, racks));
    for (let agent = 0; agent < scenario.agents; agent += 1) {
      if (!dark.has(rackOf(scenario, agent))) continue;
      add({ atMs, agent, type: "powerOff" });
      add({ atMs: atMs + lastsMs, agent, type: "powerOn" });
    }
  }
}

function addStorms(scenario: Scenario, prng: Prng, add: (one: Happening) => void): void {
  for (const { percent, atMs } of scenario.reconnects) {
    for (let agent = 0; agent < scenario.agents; agent += 1) {
      if (prng.chance(percent, 100)) add({ atMs, agent, type: "reconnect" });
    }
  }
}
