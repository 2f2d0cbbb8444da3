/**
 * Takes in what the orchestrator tells apart from orders: what is committed, whether the node is in
 * maintenance, and whether its inventory is wanted whole.
 *
 * Ignores older terms. A position that contradicts this outbox means that one side has lost its
 * past: a log that knows less than it once confirmed, or an outbox that was put back from a copy.
 * So has a log that names another incarnation, or a position that a copy of this outbox gave. When
 * that stands for a while, the agent begins anew under another incarnation, and takes along what
 * was never committed; a single odd message changes nothing. While another agent speaks under the
 * same name it does so at once, and keeps still as in maintenance, whichever of them the log holds.
 */
import { decodeDirective, type Directive } from "@atoll/codec/agent";
import type { OutboxPosition } from "@atoll/domain";
import type { Clock } from "@atoll/stdx";
import type { ActionJournal } from "../actions/action-journal.ts";
import type { FactSender } from "../outbox/fact-sender.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { comparePositions } from "../outbox/position.ts";
import type { Maintenance } from "./maintenance.ts";

export interface DirectivesOptions {
  readonly incarnation: () => string;
  readonly journal: ActionJournal;
  readonly outbox: Outbox;
  readonly sender: FactSender;
  readonly maintenance: Maintenance;
  readonly clock: Clock;
  /** Told of messages that are none, and of other incarnations. */
  readonly onOdd: (what: "undecodable" | "otherIncarnation", reason: string) => void;
  /** Reports the whole inventory, whatever was reported before. */
  readonly reportInventory: () => Promise<void>;
  readonly startOver: (reason: string) => Promise<void>;
  readonly onBroken: (error: unknown) => void;
}

/** How long, and in how many directives, a contradiction must stand. */
export const CONTRADICTION_MS = 30_000;
export const CONTRADICTIONS = 5;
/** The inventory is asked for until it is there; a report is given so long to arrive. */
export const INVENTORY_AGAIN_MS = 10_000;

const OTHER_INCARNATION = "the orchestrator's log holds another incarnation of this node";
const COPIED = "the orchestrator's log holds facts of a copy of this data folder";

export class Directives {
  readonly #options: DirectivesOptions;
  #contradictions = 0;
  #contradictedSinceMs = 0;
  /** The last directive said so. */
  #contested = false;
  #inventoryAtMs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();

  constructor(options: DirectivesOptions) {
    this.#options = options;
  }

  /** Resolves when what was received is taken in. */
  get idle(): Promise<void> {
    return this.#work;
  }

  /** Never throws. Directives are taken in one after the other. */
  receive(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable") {
      this.#options.onOdd("undecodable", decoded.reason);
      return;
    }
    const fenced = this.#fence(decoded.value);
    this.#work = this.#work
      .then(() => this.#take(decoded.value, fenced))
      .catch(this.#options.onBroken);
  }

  /**
   * The newer term counts at once: an order of the older one may be right behind, and storing what
   * came before may take long. Resolves when it is durable.
   */
  #fence({ term, incarnation }: Directive): Promise<void> {
    if (incarnation !== this.#options.incarnation()) return Promise.resolve();
    const fenced = this.#options.journal.sawTerm(term);
    // Whoever takes the directive in hears of a failure.
    fenced.catch(() => {});
    return fenced;
  }

  async #take(directive: Directive, fenced: Promise<void>): Promise<void> {
    const { journal, incarnation, maintenance, outbox, sender } = this.#options;
    if (directive.term < journal.term) return;
    const contested = directive.contested === true;
    // Nothing was taken in while it was open who the node is: what was sent is sent again.
    if (this.#contested && !contested) sender.rewind();
    this.#contested = contested;
    if (contested) await maintenance.set(true);
    const { left } = directive;
    // Told of a copy, it need not tell again what the log has of it.
    const has = left?.incarnation === incarnation() && !outbox.isForeign(left.committed);
    if (has && comparePositions(left.committed, outbox.last) <= 0) {
      await sender.committed(left.committed);
    }
    if (directive.incarnation !== incarnation()) {
      this.#options.onOdd("otherIncarnation", directive.incarnation);
      if (outbox.committed.boot > 0) await this.#contradicted(OTHER_INCARNATION, contested);
      return;
    }
    await fenced;
    await maintenance.set(directive.maintenance);
    const { committed } = directive;
    const foreign = outbox.isForeign(committed);
    const contradiction = foreign ? COPIED : contradictionOf(committed, outbox);
    if (contradiction !== undefined) {
      await this.#contradicted(contradiction, foreign && contested);
      return;
    }
    this.#contradictions = 0;
    await sender.committed(committed);
    if (directive.inventoryWanted === true) await this.#reportInventory();
  }

  async #reportInventory(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#inventoryAtMs < INVENTORY_AGAIN_MS) return;
    this.#inventoryAtMs = nowMs;
    await this.#options.reportInventory();
  }

  /** @param certain there is another agent, and it is not this one that the log holds. */
  async #contradicted(reason: string, certain: boolean): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#contradictions === 0) this.#contradictedSinceMs = nowMs;
    this.#contradictions += 1;
    const long = nowMs - this.#contradictedSinceMs >= CONTRADICTION_MS;
    if (!certain && (!long || this.#contradictions < CONTRADICTIONS)) return;
    this.#contradictions = 0;
    await this.#options.startOver(reason);
  }
}

/** Why the log cannot be that of this outbox; undefined when it can. */
function contradictionOf(committed: OutboxPosition, outbox: Outbox): string | undefined {
  if (comparePositions(committed, outbox.committed) < 0) {
    return "the orchestrator's log ends before what it had confirmed";
  }
  if (comparePositions(committed, outbox.last) > 0) {
    return "the orchestrator knows facts that this data folder does not";
  }
  return undefined;
}
