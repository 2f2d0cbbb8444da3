/**
 * The nodes of each fault domain that wait until others are well again, in the order they came.
 *
 * A plan that disrupts is refused while there is no room. When room appears, as many are planned
 * anew as it is for, never all that wait: who still cannot use it goes to the end. Holds names
 * only; losing it is harmless, since all nodes are planned by period.
 */
import type { DomainEvent, FaultDomainName, NodeName, StateView } from "@atoll/domain";
import { faultDomainOf, nodeOf, roomFor } from "@atoll/domain";

export class RoomQueue {
  readonly #waiting = new Map<FaultDomainName, Set<NodeName>>();
  readonly #domains = new Map<NodeName, FaultDomainName>();
  /** Fault domains in which there may be room that there was not. */
  readonly #touched = new Set<FaultDomainName>();

  clear(): void {
    this.#waiting.clear();
    this.#domains.clear();
    this.#touched.clear();
  }

  /** The node was planned: it wants to disrupt in `domain`, or nothing of the kind. */
  planned(node: NodeName, domain: FaultDomainName | undefined): void {
    const before = this.#domains.get(node);
    if (before !== undefined && before !== domain) {
      this.#leave(node, before);
      // It may have been woken for room that is left to others now.
      this.#touch(before);
    }
    if (domain === undefined) return;
    this.#domains.set(node, domain);
    const queue = this.#waiting.get(domain) ?? new Set();
    this.#waiting.set(domain, queue.add(node));
  }

  /** An event was applied: where it happened there may be room. */
  applied(event: DomainEvent, view: StateView): void {
    if (this.#waiting.size === 0) return;
    if ("faultDomain" in event) this.#touch(event.faultDomain);
    const name = nodeOf(event);
    if (name === undefined) return;
    const node = view.node(name);
    if (node !== undefined) this.#touch(faultDomainOf(node.location));
    // It stood elsewhere before, or is gone: nobody knows where.
    if (event.type === "nodeUpdated" || event.type === "nodeForgotten") {
      for (const domain of this.#waiting.keys()) this.#touch(domain);
    }
  }

  /** Removes and returns those that there is room for. */
  takeWoken(view: StateView): NodeName[] {
    const woken: NodeName[] = [];
    for (const domain of this.#touched) {
      let room = roomFor(view, domain);
      for (const node of this.#waiting.get(domain) ?? []) {
        if (room <= 0) break;
        room -= 1;
        this.#leave(node, domain);
        woken.push(node);
      }
    }
    this.#touched.clear();
    return woken;
  }

  #touch(domain: FaultDomainName): void {
    if (this.#waiting.has(domain)) this.#touched.add(domain);
  }

  #leave(node: NodeName, domain: FaultDomainName): void {
    this.#domains.delete(node);
    const queue = this.#waiting.get(domain);
    queue?.delete(node);
    if (queue?.size === 0) this.#waiting.delete(domain);
  }
}
