/**
 * The fault domains of a draft: what its changed nodes add to or take from those below it.
 */
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import { faultDomainOf, isAiling, isDisrupted, isOtherwise } from "./fault-domain.ts";
import type { NodeName } from "./names.ts";
import type { NodeState, StateView } from "./state.ts";

/** The draft's own nodes, whose word counts instead of the base's. */
type Changed = ReadonlyMap<NodeName, NodeState | undefined>;

const NONE: FaultDomainTally = { nodes: 0, disrupted: 0, ailing: 0 };

export class DraftedFaultDomains {
  readonly #base: StateView;
  readonly #changes = new Map<FaultDomainName, FaultDomainTally>();

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
      ailing: below.ailing + change.ailing,
    };
  }

  disrupted(name: FaultDomainName, changed: Changed): IterableIterator<NodeName> {
    return merged(this.#base.disruptedNodes(name), changed, (node) => {
      return faultDomainOf(node.location) === name && isDisrupted(node);
    });
  }

  ailing(name: FaultDomainName, changed: Changed): IterableIterator<NodeName> {
    return merged(this.#base.ailingNodes(name), changed, (node) => {
      return faultDomainOf(node.location) === name && isAiling(node);
    });
  }

  change(before: NodeState | undefined, after: NodeState | undefined): void {
    if (!isOtherwise(before, after)) return;
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
  }

  #count(node: NodeState, by: 1 | -1): void {
    const name = faultDomainOf(node.location);
    const { nodes, disrupted, ailing } = this.#changes.get(name) ?? NONE;
    this.#changes.set(name, {
      nodes: nodes + by,
      disrupted: disrupted + (isDisrupted(node) ? by : 0),
      ailing: ailing + (isAiling(node) ? by : 0),
    });
  }
}

function* merged(
  below: Iterable<NodeName>,
  changed: Changed,
  belongs: (node: NodeState) => boolean,
): IterableIterator<NodeName> {
  for (const node of below) if (!changed.has(node)) yield node;
  for (const node of changed.values()) {
    if (node !== undefined && belongs(node)) yield node.name;
  }
}
