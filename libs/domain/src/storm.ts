/**
 * The storm guard: when too many nodes of a fault domain ail at once, nothing is healed there
 * before somebody has looked, or the number has fallen by itself.
 *
 * A node ails while a service of it has crashed or is unhealthy, and after a wipe until something
 * succeeded on it. Services that ended because their node restarted do not count: the cause is
 * known, and it is over. Nor do nodes in maintenance. A storm begins when an order that heals is
 * decided on, so what nobody would act upon is none. It is said once, at its begin; a person may
 * release it; it ends when the number is no more than the share. What users ask for anew is not
 * held: it heals nothing.
 */
import type { ActionLimits } from "./action-limits.ts";
import { limitsOf } from "./action-limits.ts";
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { StormEvent } from "./event.ts";
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import { faultDomainOf, isAiling } from "./fault-domain.ts";
import { showText } from "./names.ts";
import type { Order } from "./order.ts";
import { refuseReason } from "./pause.ts";
import { rejected } from "./rejection.ts";
import type { NodeState, Since, StateStore, StateView, StormState } from "./state.ts";

/** What is asked of the guard about one target of a node. */
export interface Healing {
  readonly kind: "file" | "service";
  /** Of the specification that is wanted. */
  readonly digest: string;
  /** Of what the agent knows of; undefined when it knows of nothing. */
  readonly observed: string | undefined;
}

/** Whether bringing the target about heals what ails the node, and is not a new wish. */
export function heals(node: NodeState, { kind, digest, observed }: Healing): boolean {
  if (!isAiling(node)) return false;
  if (node.wiped !== undefined) return true;
  return kind === "service" && observed === digest;
}

export function healingOf(node: NodeState, order: Order): Healing | undefined {
  switch (order.type) {
    case "writeFile": {
      const { path, digest } = order.file;
      return { kind: "file", digest, observed: node.files.get(path)?.digest };
    }
    case "startService":
    case "restartService": {
      const { key, digest } = order.service;
      return { kind: "service", digest, observed: node.services.get(key)?.digest };
    }
    default:
      return undefined;
  }
}

/** The storm that holds what heals the node, if one does. */
export function holdingStorm(view: StateView, node: NodeState): StormState | undefined {
  if (!isAiling(node)) return undefined;
  const storm = view.storm(faultDomainOf(node.location));
  return storm === undefined || storm.release !== undefined ? undefined : storm;
}

export function isStorm(
  { nodes, ailing }: FaultDomainTally,
  { stormNodesMin, stormPercent }: ActionLimits,
): boolean {
  return ailing >= stormNodesMin && ailing * 100 > nodes * stormPercent;
}

/** What becomes of an order that heals: undefined when it may go on. */
export function guardStorm(
  view: StateView,
  node: NodeState,
): { readonly event: StormEvent | undefined } | undefined {
  const faultDomain = faultDomainOf(node.location);
  const storm = view.storm(faultDomain);
  if (storm !== undefined) return storm.release === undefined ? { event: undefined } : undefined;
  const tally = view.faultDomain(faultDomain);
  const limits = limitsOf(view);
  if (!isStorm(tally, limits)) return undefined;
  const { ailing: nodes, nodes: of } = tally;
  const sharePercent = limits.stormPercent;
  return { event: { type: "stormHeld", faultDomain, nodes, of, sharePercent } };
}

/** The end of a storm that is none any more. */
export function decideStormEnd(
  view: StateView,
  faultDomain: FaultDomainName,
): StormEvent | undefined {
  const storm = view.storm(faultDomain);
  if (storm === undefined) return undefined;
  if (isStorm(view.faultDomain(faultDomain), limitsOf(view))) return undefined;
  return { type: "stormEnded", faultDomain };
}

/** Released already: another reason replaces the first. */
export function decideReleaseStorm(
  view: StateView,
  command: Extract<UserCommand, { type: "releaseStorm" }>,
): Decision {
  const { faultDomain } = command;
  const reason = command.reason.trim();
  const storm = view.storm(faultDomain);
  if (storm === undefined) {
    const known = [...view.storms()].map((one) => one.faultDomain).join(", ");
    const there = known === "" ? "there is none anywhere" : `there are some in ${known}`;
    return rejected("notFound", `there is no storm in ${showText(faultDomain)}; ${there}`);
  }
  const refusal = refuseReason("a release", faultDomain, reason);
  if (refusal !== undefined) return refusal;
  if (storm.release?.reason === reason) return UNCHANGED;
  return decided([{ type: "stormReleased", faultDomain, reason }]);
}

export function evolveStorm(
  store: StateStore,
  event: StormEvent,
  since: Since,
  actor: string,
): void {
  const { faultDomain } = event;
  const known = store.storm(faultDomain);
  switch (event.type) {
    case "stormHeld": {
      const { nodes, of, sharePercent } = event;
      store.setStorm(faultDomain, { faultDomain, nodes, of, sharePercent, since });
      return;
    }
    case "stormReleased":
      if (known === undefined) return;
      store.setStorm(faultDomain, { ...known, release: { reason: event.reason, actor, since } });
      return;
    case "stormEnded":
      store.setStorm(faultDomain, undefined);
  }
}

/** For example `storm in rack:r1 since #41: 6 of 10 nodes ail at once, more than 30 %`. */
export function stormText({ faultDomain, nodes, of, sharePercent, since }: StormState): string {
  const share = `${nodes} of ${of} nodes ail at once, more than ${sharePercent} %`;
  return `storm in ${faultDomain} since #${since.index}: ${share}`;
}
