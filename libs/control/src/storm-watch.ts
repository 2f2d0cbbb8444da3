/**
 * Which storms are to be looked at again, because something happened to a node of theirs.
 *
 * It costs nothing while there is no storm. Nothing is lost with it: storms of which nothing was
 * heard are looked at with every slow look at all nodes.
 */
import {
  type DomainEvent,
  type FaultDomainName,
  faultDomainOf,
  nodeOf,
  type PlannerDecision,
  type StateView,
} from "@atoll/domain";

export class StormWatch {
  readonly #touched = new Set<FaultDomainName>();

  applied(event: DomainEvent, view: StateView): void {
    if (event.type === "actionLimitsSet") return this.touchAll(view);
    const name = nodeOf(event);
    const node = name === undefined ? undefined : view.node(name);
    if (node === undefined) return;
    const faultDomain = faultDomainOf(node.location);
    if (view.storm(faultDomain) !== undefined) this.#touched.add(faultDomain);
  }

  touchAll(view: StateView): void {
    for (const { faultDomain } of view.storms()) this.#touched.add(faultDomain);
  }

  take(): PlannerDecision[] {
    const decisions = [...this.#touched].map((faultDomain): PlannerDecision => {
      return { type: "reviewStorm", faultDomain };
    });
    this.#touched.clear();
    return decisions;
  }
}
