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
import { type NamesInOrder, NodeRound } from "./node-round.ts";
import { RoomQueue } from "./room-queue.ts";
import { StormWatch } from "./storm-watch.ts";
import { WakeTimes } from "./wake-times.ts";

export class PlanSchedule {
  readonly #dirty = new Set<NodeName>();
  readonly #round = new NodeRound();
  readonly #wakes = new WakeTimes<NodeName>();
  readonly #rooms = new RoomQueue();
  readonly #storms = new StormWatch();

  /** Whether nodes wait for their plan; those looked at slowly do not count. */
  get waits(): boolean {
    return this.#dirty.size > 0 || this.#round.hurries;
  }

  clear(): void {
    this.#dirty.clear();
    this.#round.stop();
    this.#wakes.clear();
    this.#rooms.clear();
  }

  /** All nodes, as soon as those are planned that something happened to. */
  addAll(view: StateView): void {
    this.#storms.touchAll(view);
    this.#round.hurry();
  }

  /** The next few nodes of the walk round all of them, unless all are waiting anyway. */
  addNext(count: number, view: StateView & NamesInOrder): void {
    if (this.#round.hurries) return;
    const next = this.#round.take(view, count);
    // Once in each round.
    if (next.length < count) this.#storms.touchAll(view);
    for (const node of next) this.#dirty.add(node);
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
  take(nowMs: number, most: number, view: StateView & NamesInOrder): NodeName[] {
    for (const node of this.#rooms.takeWoken(view)) this.#dirty.add(node);
    for (const node of this.#wakes.takeDue(nowMs)) this.#dirty.add(node);
    const taken: NodeName[] = [];
    for (const node of this.#dirty) {
      if (taken.length >= most) break;
      taken.push(node);
    }
    for (const node of taken) this.#dirty.delete(node);
    while (this.#round.hurries && taken.length < most) {
      taken.push(...this.#round.take(view, most - taken.length));
    }
    return taken;
  }
}
