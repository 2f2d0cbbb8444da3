/**
 * How many nodes stand in each fault domain, kept up to date event by event.
 *
 * Counts nodes that the log does not call lost: of those, so many may fall silent together. Only a
 * leader needs it. Walks over all nodes once, at the begin. Used by `PresenceJudge`.
 */
import {
  type DomainEvent,
  faultDomainsOf,
  type NodeName,
  type NodeState,
  type StateView,
} from "@atoll/domain";

export class FaultDomains {
  readonly #domains = new Map<NodeName, readonly string[]>();
  readonly #sizes = new Map<string, number>();

  begin(view: StateView): void {
    this.#domains.clear();
    this.#sizes.clear();
    for (const node of view.nodes()) this.#put(node.name, node);
  }

  applied(event: DomainEvent, view: StateView): void {
    switch (event.type) {
      case "nodeDiscovered":
      case "nodeUpdated":
      case "nodeForgotten":
      case "nodeLost":
      case "nodeReturned":
        return this.#put(event.node, view.node(event.node));
      default:
    }
  }

  /** From the narrowest to the widest; empty for one that is lost or unknown. */
  of(node: NodeName): readonly string[] {
    return this.#domains.get(node) ?? [];
  }

  size(domain: string): number {
    return this.#sizes.get(domain) ?? 0;
  }

  #put(name: NodeName, node: NodeState | undefined): void {
    for (const domain of this.of(name)) {
      const size = this.size(domain) - 1;
      if (size === 0) this.#sizes.delete(domain);
      else this.#sizes.set(domain, size);
    }
    if (node === undefined || node.presence === "lost") {
      this.#domains.delete(name);
      return;
    }
    const domains = faultDomainsOf(node.location);
    this.#domains.set(name, domains);
    for (const domain of domains) this.#sizes.set(domain, this.size(domain) + 1);
  }
}
