/**
 * Takes in what the orchestrator tells apart from orders: what is committed, whether the node is in
 * maintenance, and whether its inventory is wanted whole.
 *
 * Ignores older terms. A position that contradicts this outbox means that one side has lost its
 * past: a log that knows less than it once confirmed, or an outbox that was put back from a copy.
 * When that stands for a while, the agent begins anew under another incarnation; a single odd
 * message changes nothing.
 */
import { decodeDirective, type Directive } from "@atoll/codec/agent";
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

export class Directives {
  readonly #options: DirectivesOptions;
  #contradictions = 0;
  #contradictedSinceMs = 0;
  #inventoryAtMs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();

  constructor(options: DirectivesOptions) {
    this.#options = options;
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
    if (directive.incarnation !== incarnation()) {
      this.#options.onOdd("otherIncarnation", directive.incarnation);
      return;
    }
    await fenced;
    await maintenance.set(directive.maintenance);
    const { committed } = directive;
    const contradiction =
      comparePositions(committed, outbox.committed) < 0
        ? "the orchestrator's log ends before what it had confirmed"
        : comparePositions(committed, outbox.last) > 0
          ? "the orchestrator knows facts that this data folder does not"
          : undefined;
    if (contradiction !== undefined) {
      await this.#contradicted(contradiction);
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

  async #contradicted(reason: string): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#contradictions === 0) this.#contradictedSinceMs = nowMs;
    this.#contradictions += 1;
    const long = nowMs - this.#contradictedSinceMs >= CONTRADICTION_MS;
    if (!long || this.#contradictions < CONTRADICTIONS) return;
    this.#contradictions = 0;
    await this.#options.startOver(reason);
  }
}
