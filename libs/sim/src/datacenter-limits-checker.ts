/**
 * Holds the log of a simulated datacenter against what may happen at the same time.
 *
 * Written apart from the domain's own counting: it follows the events alone. Nothing is planned in
 * a pause, and no more nodes of a fault domain are disrupted at once than may be. Used by
 * `DatacenterHistory`, for each entry once.
 */
import {
  ACTION_LIMITS,
  type DomainEvent,
  type LogEntry,
  type NodeName,
  type NodeState,
  type StateView,
} from "@atoll/domain";
import { Violation } from "./violation.ts";

export class DatacenterLimitsChecker {
  #paused = false;
  /** Actions that took something away. */
  disruptions = 0;
  /** Where nodes stand, and the index at which they came there. */
  readonly #places = new Map<NodeName, { readonly rack: string; readonly index: number }>();

  /** `view` is the state after `entry`. */
  applied(index: number, entry: LogEntry, view: StateView): void {
    for (const { event } of entry.events) this.#event(index, event, view);
  }

  #event(index: number, event: DomainEvent, view: StateView): void {
    if (event.type === "nodeUpdated") {
      const rack = event.location.rack ?? "";
      if (this.#places.get(event.node)?.rack !== rack)
        this.#places.set(event.node, { rack, index });
    }
    if (event.type === "actionsPaused") this.#paused = true;
    if (event.type === "actionsResumed") this.#paused = false;
    if (event.type !== "actionPlanned") return;
    if (this.#paused) throw new Violation(`${event.action} was planned in a pause`);
    if (!event.disruptive) return;
    this.disruptions += 1;
    this.#checkRack(event.node, view);
  }

  #checkRack(name: NodeName, view: StateView): void {
    const rack = view.node(name)?.location.rack;
    const nodes = [...view.nodes()].filter(({ location }) => location.rack === rack);
    const most = Math.max(1, Math.floor((nodes.length * ACTION_LIMITS.disruptedPercentMax) / 100));
    const away = nodes.filter(isAway);
    // Nodes that were moved here while something of theirs was away came on top.
    const moved = away.filter((node) => {
      const movedAt = this.#places.get(node.name)?.index ?? 0;
      return [...node.disrupted.values()].some(({ since }) => since.index < movedAt);
    });
    if (away.length - moved.length <= most) return;
    const names = away.map((node) => node.name).join(", ");
    throw new Violation(`${names} of rack ${rack} are disrupted at once: ${most} may be`);
  }
}

function isAway(node: NodeState): boolean {
  return node.disrupted.size > 0;
}
