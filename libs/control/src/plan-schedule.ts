/**
 * Which nodes are to be planned next: those that something happened to, those whose time has come,
 * and slowly all.
 *
 * Holds names only. Losing it is harmless: a new leader begins with every node.
 */
import type { NodeName, StateView } from "@atoll/domain";
import { affectedNodes } from "@atoll/planner";
import type { DomainEvent } from "@atoll/domain";
import { WakeTimes } from "./wake-times.ts";

export class PlanSchedule {
  readonly #dirty = new Set<NodeName>();
  readonly #wakes = new WakeTimes<NodeName>();

  get waiting(): number {
    return this.#dirty.size;
  }

  clear(): void {
    this.#dirty.clear();
    this.#wakes.clear();
  }

  addAll(view: StateView): void {
    for (const node of view.nodes()) this.#dirty.add(node.name);
  }

  add(node: NodeName): void {
    this.#dirty.add(node);
  }

  addAffected(event: DomainEvent, view: StateView): void {
    const affected = affectedNodes(event);
    if (affected.type === "node") this.#dirty.add(affected.node);
    else if (affected.type === "all") this.addAll(view);
  }

  /** Sets or, with undefined, drops the moment at which `node` is due although nothing happened. */
  wake(node: NodeName, atMs: number | undefined): void {
    if (atMs === undefined) this.#wakes.delete(node);
    else this.#wakes.set(node, atMs);
  }

  /** Removes and returns up to `most` nodes that are due. */
  take(nowMs: number, most: number): NodeName[] {
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
