/**
 * Holds conflicts of identity in a simulated datacenter against what was done to its nodes.
 *
 * Only a node that has a twin is ever contested; that is said once, and ended once; and soon after
 * it was said no agent of the node begins anything. Used by `DatacenterHistory`.
 */
import type { DomainEvent, NodeName } from "@atoll/domain";
import { Violation } from "./violation.ts";

/** What was ordered before, or by a leader that has not heard of it, may still arrive. */
const OBEYED_MS_MAX = 5_000;

export class DatacenterIdentityChecker {
  readonly #twinned = new Set<NodeName>();
  readonly #contestedAtMs = new Map<NodeName, number>();
  /** The incarnation that a conflict ended with, until the log goes on with one. */
  readonly #remaining = new Map<NodeName, string>();
  conflicts = 0;

  /** From now on more than one agent may speak under the name of the node. */
  twinned(node: NodeName): void {
    this.#twinned.add(node);
  }

  wasTwinned(node: NodeName): boolean {
    return this.#twinned.has(node);
  }

  /** Whether the log says that it is the node, though it may not have its facts yet. */
  remains(node: NodeName, incarnation: string): boolean {
    return this.#remaining.get(node) === incarnation;
  }

  applied(event: DomainEvent, nowMs: number): void {
    if (event.type === "nodeForgotten" || event.type === "nodeWiped") {
      this.#remaining.delete(event.node);
    }
    if (event.type === "nodeForgotten") this.#contestedAtMs.delete(event.node);
    if (event.type === "actionPlanned" && this.#contestedAtMs.has(event.node)) {
      throw new Violation(`${event.action} was planned while ${event.node} is contested`);
    }
    if (event.type !== "identityConflict" && event.type !== "identityConflictEnded") return;
    const { node } = event;
    const contested = this.#contestedAtMs.has(node);
    if (!this.#twinned.has(node))
      throw new Violation(`${event.type} of ${node}, which has no twin`);
    if (contested === (event.type === "identityConflict")) {
      throw new Violation(`${event.type} of ${node}, said before`);
    }
    if (event.type === "identityConflict") this.#remaining.delete(node);
    else this.#remaining.set(node, event.remaining.incarnation);
    if (contested) this.#contestedAtMs.delete(node);
    else this.#contestedAtMs.set(node, nowMs);
    if (!contested) this.conflicts += 1;
  }

  /** An agent of the node begins an action. */
  began(node: NodeName, nowMs: number): void {
    const sinceMs = this.#contestedAtMs.get(node);
    if (sinceMs === undefined || nowMs - sinceMs < OBEYED_MS_MAX) return;
    throw new Violation(`${node} was obeyed ${nowMs - sinceMs} ms into a conflict`);
  }
}
