/**
 * Holds the log of a simulated datacenter against what may happen at the same time.
 *
 * Written apart from the domain's own counting: it follows the events alone. Nothing is planned in
 * a pause, no more nodes of a fault domain are disrupted at once than may be, and a storm is said
 * once and holds what mends. Used by `DatacenterHistory`, for each entry once.
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
  #limits = ACTION_LIMITS;
  /** By fault domain: `held` or `released`. */
  readonly #storms = new Map<string, string>();
  storms = 0;
  /** Actions that took something away. */
  disruptions = 0;
  /** Where nodes stand, and the index at which they came there. */
  readonly #places = new Map<NodeName, { readonly rack: string; readonly index: number }>();

  /** The entry since which a node lacks something, without a break. */
  readonly #awaySince = new Map<NodeName, number>();

  /** `view` is the state after `entry`. */
  applied(index: number, entry: LogEntry, view: StateView): void {
    const heard = new Set<NodeName>();
    // `view` has the moves of the whole entry, in which plans come before them.
    const moving = new Set<NodeName>();
    for (const { event } of entry.events) {
      if (event.type === "factsAccepted") heard.add(event.node);
      if (event.type === "nodeUpdated") moving.add(event.node);
    }
    for (const node of view.nodes()) {
      if (!isAway(node)) this.#awaySince.delete(node.name);
      else if (!this.#awaySince.has(node.name)) this.#awaySince.set(node.name, index);
    }
    for (const { event } of entry.events) {
      this.#event(index, event, { view, moving });
      this.#storm(event, view, heard);
    }
  }

  #event(
    index: number,
    event: DomainEvent,
    after: { readonly view: StateView; readonly moving: ReadonlySet<NodeName> },
  ): void {
    if (event.type === "nodeUpdated") {
      const rack = event.location.rack ?? "";
      if (this.#places.get(event.node)?.rack !== rack)
        this.#places.set(event.node, { rack, index });
    }
    if (event.type === "actionsPaused") this.#paused = true;
    if (event.type === "actionsResumed") this.#paused = false;
    if (event.type === "actionLimitsSet") this.#limits = event.limits;
    if (event.type !== "actionPlanned") return;
    if (this.#paused) throw new Violation(`${event.action} was planned in a pause`);
    if (!event.disruptive) return;
    this.disruptions += 1;
    this.#checkRack(index, event.node, after);
  }

  /** A storm is said once and holds what mends; it ends or is released only while there is one. */
  #storm(event: DomainEvent, view: StateView, heard: ReadonlySet<NodeName>): void {
    if ("faultDomain" in event) {
      const { faultDomain } = event;
      const known = this.#storms.get(faultDomain);
      if ((event.type === "stormHeld") === (known !== undefined)) {
        throw new Violation(`${event.type} in ${faultDomain}, where ${known ?? "nothing"} was`);
      }
      if (event.type === "stormHeld") {
        this.storms += 1;
        if (event.nodes * 100 <= event.of * this.#limits.stormPercent) {
          throw new Violation(`${event.nodes} of ${event.of} nodes of ${faultDomain} are no storm`);
        }
      }
      if (event.type === "stormEnded") this.#storms.delete(faultDomain);
      else this.#storms.set(faultDomain, event.type === "stormHeld" ? "held" : "released");
    }
    if (event.type !== "actionPlanned" || event.order.type !== "restartService") return;
    const rack = this.#places.get(event.node)?.rack ?? "";
    if (this.#storms.get(rack === "" ? "datacenter" : `rack:${rack}`) !== "held") return;
    // What the same entry says of the node came after the plan: it is not known how it was before.
    const node = heard.has(event.node) ? undefined : view.node(event.node);
    const service = node?.services.get(event.order.service.key);
    if (service === undefined || service.since.index === node?.rebooted?.index) return;
    throw new Violation(`${event.action} was planned in a storm`);
  }

  #checkRack(
    index: number,
    name: NodeName,
    { view, moving }: { readonly view: StateView; readonly moving: ReadonlySet<NodeName> },
  ): void {
    // One that was away before takes no other away; there may be room for fewer by now, since
    // others have left the rack or less is allowed.
    if ((this.#awaySince.get(name) ?? index) < index) return;
    const rack = view.node(name)?.location.rack;
    const nodes = [...view.nodes()].filter(({ location }) => location.rack === rack);
    const most = Math.max(1, Math.floor((nodes.length * this.#limits.disruptedPercentMax) / 100));
    const away = nodes.filter(isAway);
    // Nodes that came here while something of theirs was away are on top, until all of it is back.
    const moved = away.filter((node) => {
      const movedAt = this.#places.get(node.name)?.index ?? 0;
      return moving.has(node.name) || (this.#awaySince.get(node.name) ?? index) <= movedAt;
    });
    if (away.length - moved.length <= most) return;
    const names = away.map((node) => node.name).join(", ");
    throw new Violation(`${names} of rack ${rack} are disrupted at once: ${most} may be`);
  }
}

function isAway(node: NodeState): boolean {
  return node.disrupted.size > 0;
}
