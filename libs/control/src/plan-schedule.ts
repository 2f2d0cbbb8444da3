/**
 * Which nodes are to be planned next: those that something happened to, those whose time has come,
 * those that there is room for now, and slowly all.
 *
 * Holds names only. Losing it is harmless: a new leader begins with every node.
 */
import {
  type DomainEvent,
  faultDomainOf,
  type NodeName,
  type PlannerDecision,
  type StateView,
} from "@atoll/domain";
import { affectedNodes, type NodePlan } from "@atoll/planner";
import { RoomQueue } from "./room-queue.ts";
import { StormWatch } from "./storm-watch.ts";
import { WakeTimes } from "./wake-times.ts";

export class PlanSchedule {
  readonly #dirty = new Set<NodeName>();
  readonly #wakes = new WakeTimes<NodeName>();
  readonly #rooms = new RoomQueue();
  readonly #storms = new StormWatch();

  get waiting(): number {
    return this.#dirty.size;
  }

  clear(): void {
    this.#dirty.clear();
    this.#wakes.clear();
    this.#rooms.clear();
  }

  addAll(view: StateView): void {
    this.#storms.touchAll(view);
    for (const node of view.nodes()) this.#dirty.add(node.name);
  }

  add(node: NodeName): void {
    this.#dirty.add(node);
  }

  addAffected(event: DomainEvent, view: StateView): void {
    this.#rooms.applied(event, view);
    const affected = affectedNodes(event);
    if (affected.type === "node") this.#dirty.add(affected.node);
    else if (affected.type === "all") this.addAll(view);
    else if (affected.type === "faultDomain") {
      for (const node of view.ailingNodes(affected.faultDomain)) this.#dirty.add(node);
    }
    this.#storms.applied(event, view);
  }

  /** Takes from a plan just made when its node is due although nothing happens to it. */
  planned({ node, wakeAtMs, disrupts }: NodePlan, view: StateView): void {
    const location = disrupts ? view.node(node)?.location : undefined;
    this.#rooms.planned(node, location === undefined ? undefined : faultDomainOf(location));
    if (wakeAtMs === undefined) this.#wakes.delete(node);
    else this.#wakes.set(node, wakeAtMs);
  }

  /** Storms that may have ended. */
  takeStorms(): PlannerDecision[] {
    return this.#storms.take();
  }

  /** Removes and returns up to `most` nodes that are due. */
  take(nowMs: number, most: number, view: StateView): NodeName[] {
    for (const node of this.#rooms.takeWoken(view)) this.#dirty.add(node);
    for (const node of this.#wakes.takeDue(nowMs)) this.#dirty.add(node);
    const taken: NodeName[] = [];
    for (const node of this.#dirty) {
      if (taken.length >= most) break;
      taken.push(node);
    }
    for (const node of taken) this.#dirty.delete(node);
    return taken;
  }
}
