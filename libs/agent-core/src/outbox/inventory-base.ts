/**
 * The inventory that was reported last, so that the next report is only what changed since.
 *
 * In memory: the first report of a start is whole. The outbox keeps the order of reports, so the
 * orchestrator holds the base of each difference when it takes it in; when it does not, it asks for
 * the whole, and `forget` makes the next report that.
 */
import { differenceOf, type Fact, type Inventory } from "@atoll/domain";

export class InventoryBase {
  #reported: Inventory | undefined;

  /** What is to be stored of a fact that is next. */
  shorten(fact: Fact): Fact {
    if (fact.type !== "inventoryObserved") return fact;
    const { inventory, observedAtMs } = fact;
    const before = this.#reported;
    this.#reported = inventory;
    if (before === undefined) return fact;
    return { type: "inventoryDiffered", observedAtMs, ...differenceOf(before, inventory) };
  }

  forget(): void {
    this.#reported = undefined;
  }
}
