/**
 * The fault domains of a draft: what its changed nodes add to or take from those below it.
 */
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import { faultDomainOf, isDisrupted, isOtherwise } from "./fault-domain.ts";
import type { NodeName } from "./names.ts";
import type { NodeState, StateView } from "./state.ts";

export class DraftedFaultDomains {
  readonly #base: StateView;
  readonly #changes = new Map<FaultDomainName, { nodes: number; disrupted: number }>();

  constructor(base: StateView) {
    this.#base = base;
  }

  tally(name: FaultDomainName): FaultDomainTally {
    const below = this.#base.faultDomain(name);
    const change = this.#changes.get(name);
    if (change === undefined) return below;
    return {
      nodes: below.nodes + change.nodes,
      disrupted: below.disrupted + change.disrupted,
    };
  }

  /** `changed` are the draft's own nodes, whose word counts instead of the base's. */
  *disrupted(
    name: FaultDomainName,
    changed: ReadonlyMap<NodeName, NodeState | undefined>,
  ): IterableIterator<NodeName> {
    for (const node of this.#base.disruptedNodes(name)) if (!changed.has(node)) yield node;
    for (const node of changed.values()) {
      if (node === undefined || faultDomainOf(node.location) !== name) continue;
      if (isDisrupted(node)) yield node.name;
    }
  }

  change(before: NodeState | undefined, after: NodeState | undefined): void {
    if (!isOtherwise(before, after)) return;
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
  }

  #count(node: NodeState, by: 1 | -1): void {
    const name = faultDomainOf(node.location);
    const { nodes, disrupted } = this.#changes.get(name) ?? { nodes: 0, disrupted: 0 };
    const disruptedBy = isDisrupted(node) ? by : 0;
    this.#changes.set(name, { nodes: nodes + by, disrupted: disrupted + disruptedBy });
  }
}
