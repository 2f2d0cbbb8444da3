/**
 * How many nodes stand in each fault domain, kept up to date event by event.
 *
 * Counts nodes that the log does not call lost: of those, so many may fall silent together. Only a
 * leader asks, but every replica counts, so that nobody walks over all nodes when it begins to
 * lead. Where the state itself is another one they are counted over many turns of the loop, and
 * until then there are no sizes to rely on. Used by `PresenceJudge`.
 */
import {
  type DomainEvent,
  faultDomainsOf,
  type NodeName,
  type NodeState,
  type StateView,
} from "@atoll/domain";
import { type NamesInOrder, NodeRound } from "./node-round.ts";

/** So many nodes of another state are counted in one turn. */
const COUNTED_PER_TURN_MAX = 1_000;

export class FaultDomains {
  readonly #domains = new Map<NodeName, readonly string[]>();
  /** By their narrowest: the nodes of a rack share one list. */
  readonly #lists = new Map<string, readonly string[]>();
  readonly #sizes = new Map<string, number>();
  readonly #round = new NodeRound();

  /** Whether nodes are left that were not counted. */
  get counting(): boolean {
    return this.#round.hurries;
  }

  begin(view: StateView & NamesInOrder): void {
    this.#domains.clear();
    this.#sizes.clear();
    this.#lists.clear();
    this.#round.hurry();
    this.countMore(view);
  }

  /** Goes on to count. What is applied meanwhile counts once. */
  countMore(view: StateView & NamesInOrder): void {
    if (!this.counting) return;
    for (const name of this.#round.take(view, COUNTED_PER_TURN_MAX)) {
      this.#put(name, view.node(name));
    }
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
      if (size === 0) {
        this.#sizes.delete(domain);
        this.#lists.delete(domain);
      } else this.#sizes.set(domain, size);
    }
    if (node === undefined || node.presence === "lost") {
      this.#domains.delete(name);
      return;
    }
    const domains = this.#listOf(node);
    this.#domains.set(name, domains);
    for (const domain of domains) this.#sizes.set(domain, this.size(domain) + 1);
  }

  #listOf({ location }: NodeState): readonly string[] {
    const made = faultDomainsOf(location);
    const [narrowest = ""] = made;
    const known = this.#lists.get(narrowest);
    if (known !== undefined) return known;
    this.#lists.set(narrowest, made);
    return made;
  }
}
