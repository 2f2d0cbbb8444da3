/**
 * Fault domains of which sight was lost: many nodes fell silent together, and no verdict is given
 * on them for a while.
 *
 * Events, state and rules in one place: there is little of it. One event says that it began, one
 * that it ended; in between nodes keep the presence that they had.
 */
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { InternalCommand } from "./command.ts";
import type { SightEvent } from "./event.ts";
import { faultDomainsOf } from "./fault-domain.ts";
import type { NodeState, SightState, Since, StateStore, StateView } from "./state.ts";

type ReportSight = Extract<InternalCommand, { type: "reportSight" }>;

/** More are not recorded: so many racks at once are a matter of the room they stand in. */
export const SIGHTS_MAX = 256;

export function decideReportSight(view: StateView, report: ReportSight): Decision {
  const { domain, lost, silent, nodes } = report;
  const sights = [...view.sights()];
  const known = sights.some((sight) => sight.domain === domain);
  if (known === lost || (lost && sights.length >= SIGHTS_MAX)) return UNCHANGED;
  return decided([
    lost ? { type: "sightLost", domain, silent, nodes } : { type: "sightRegained", domain, silent },
  ]);
}

export function evolveSight(store: StateStore, event: SightEvent, since: Since): void {
  if (event.type === "sightRegained") {
    store.setSight(event.domain, undefined);
    return;
  }
  const { domain, silent, nodes } = event;
  store.setSight(domain, { domain, silent, nodes, since });
}

/** The lost sights in which a node stands. Those of servers of the bus name no place. */
export function sightsOf(view: StateView, { location }: NodeState): SightState[] {
  const domains: readonly string[] = faultDomainsOf(location);
  return [...view.sights()].filter(({ domain }) => domains.includes(domain));
}

export function describeSight(event: SightEvent): string {
  const { domain, silent } = event;
  if (event.type === "sightLost") {
    const share = Math.round((silent * 100) / Math.max(1, event.nodes));
    const part = `${silent} of ${event.nodes} nodes (${share} %)`;
    return `sight of ${domain} was lost: ${part} fell silent together; verdicts are put off`;
  }
  const left = silent === 0 ? "" : `: ${silent} nodes are still silent and are judged one by one`;
  return `sight of ${domain} was regained${left}`;
}
