/**
 * More than one agent speaks under the name of one node: a copied disk, or two machines that were
 * given one name.
 *
 * Events, state and rules in one place: there is little of it. While it lasts no claimant is
 * obeyed: nothing is ordered, and no facts are taken in, which wait with whom they belong to. The
 * one that is heard alone for long enough is the node. What is seen of a conflict is the
 * detector's; here nobody is heard.
 */
import { cancelAll } from "./cancel-all.ts";
import { type Claimant, claimantText } from "./claimant.ts";
import type { InternalCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { NodeEvent } from "./event.ts";
import { update } from "./evolve-node.ts";
import type { ConflictState, Since, StateStore, StateView } from "./state.ts";

type ReportClaimants = Extract<InternalCommand, { type: "reportClaimants" }>;
type ConflictEvent = Extract<NodeEvent, { type: "identityConflict" | "identityConflictEnded" }>;

/** More are not named. */
export const CLAIMANTS_MAX = 4;

/** Two or more who speak in turn are a conflict; one that speaks alone ends it. */
export function decideReportClaimants(view: StateView, report: ReportClaimants): Decision {
  const { node: name, claimants } = report;
  const node = view.node(name);
  const [first] = claimants;
  if (node === undefined || first === undefined) return UNCHANGED;
  if (claimants.length > 1) {
    if (node.conflict !== undefined) return UNCHANGED;
    const named = claimants.slice(0, CLAIMANTS_MAX);
    return decided([
      ...cancelAll(node, "more than one agent speaks under the name of the node"),
      { type: "identityConflict", node: name, claimants: named },
    ]);
  }
  if (node.conflict === undefined) return UNCHANGED;
  return decided([{ type: "identityConflictEnded", node: name, remaining: first }]);
}

export function evolveIdentityConflict(
  store: StateStore,
  event: ConflictEvent,
  since: Since,
): void {
  update(store, event.node, ({ conflict: _conflict, ...node }) =>
    event.type === "identityConflict"
      ? { ...node, conflict: { claimants: event.claimants, since } }
      : node,
  );
}

/** For example `2 agents speak under its name: …; …`. */
export function conflictText({ claimants }: Pick<ConflictState, "claimants">): string {
  return `${claimants.length} agents speak under its name: ${namesOf(claimants)}`;
}

export function describeIdentityConflict(event: ConflictEvent): string {
  if (event.type === "identityConflictEnded") {
    return `the conflict about node ${event.node} ended: it is ${claimantText(event.remaining)}`;
  }
  const { node, claimants } = event;
  return `${claimants.length} agents speak as node ${node}: ${namesOf(claimants)}`;
}

function namesOf(claimants: readonly Claimant[]): string {
  return claimants.map(claimantText).join(" and ");
}
