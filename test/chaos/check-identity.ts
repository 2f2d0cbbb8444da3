/**
 * Compares what was done with second agents under a node's name with what the log says of it.
 *
 * Whoever spoke under a name beside another is named in the history; while a conflict lasts nothing
 * is ordered on the node; and each conflict ends once one is left. Pure.
 */
import type { DomainEvent } from "@atoll/domain";
import type { LoggedEvent } from "./check-facts.ts";

/** Two agents spoke under one name, long enough to be heard by turns. */
export interface TwinEpisode {
  readonly node: string;
  /** Of the second agent. */
  readonly pid: number;
}

export function checkIdentity(
  episodes: readonly TwinEpisode[],
  log: readonly LoggedEvent[],
): string[] {
  const problems: string[] = [];
  const named = new Set<string>();
  const contested = new Set<string>();
  for (const { event, index } of log) {
    if (!("node" in event)) continue;
    const { node } = event;
    if (event.type === "identityConflict") {
      const said = pidsOf(event);
      if (said.length < 2) problems.push(`${node}: conflict at ${index} names ${said.length}`);
      for (const pid of said) named.add(`${node} ${pid}`);
      contested.add(node);
    } else if (event.type === "identityConflictEnded" || event.type === "nodeForgotten") {
      contested.delete(node);
    } else if (event.type === "actionPlanned" && contested.has(node)) {
      problems.push(`${node}: ${event.action} was ordered in a conflict, at ${index}`);
    }
  }
  for (const { node, pid } of episodes) {
    if (!named.has(`${node} ${pid}`)) problems.push(`${node}: its twin, pid ${pid}, is not named`);
  }
  for (const node of contested) problems.push(`${node}: its conflict never ended`);
  return problems;
}

/** One for each instance that is named. */
function pidsOf({ claimants }: Extract<DomainEvent, { type: "identityConflict" }>): number[] {
  const byInstance = new Map(claimants.map(({ process }) => [process.instance, process.pid]));
  return [...byInstance.values()];
}
