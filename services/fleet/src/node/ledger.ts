/**
 * What one node accepted and ran: the witness against two voices and second runs.
 *
 * It stands between the agent and its bus and judges by itself, not by the agent's own journal: an
 * accepted order must be for this life of the node, of no older term than any seen before, and of a
 * newer generation than the last for its target; and no action may run twice. It outlives agent,
 * power and disk, as nothing on a real node does. It changes nothing that passes.
 */
import {
  type ActionOrder,
  decodeActionOrder,
  decodeActionReply,
  decodeDirective,
  type Directive,
} from "@atoll/codec/agent";
import type { ActionId, TargetKey } from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";

export type Violation = "repeated" | "unfenced";

export interface LedgerOptions {
  readonly incarnation: () => string;
  readonly onOrder: (order: ActionOrder) => void;
  readonly onAccepted: (order: ActionOrder) => void;
  readonly onDirective: (directive: Directive) => void;
  readonly onViolation: (violation: Violation, words: string) => void;
}

/** Past it the actions accepted longest ago are forgotten. */
export const LEDGER_ACTIONS_MAX = 10_000;

export class Ledger {
  readonly #options: LedgerOptions;
  /** Times that each accepted action was run; oldest first. */
  readonly #runs = new Map<ActionId, number>();
  /** Of the present incarnation. */
  readonly #generations = new Map<TargetKey, number>();
  #incarnation = "";
  #term = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** The bus as the agent is given it. */
  watch(bus: AgentBus): AgentBus {
    return {
      publishFacts: (payload, done) => bus.publishFacts(payload, done),
      publishHeartbeat: (payload) => bus.publishHeartbeat(payload),
      onConnection: (handler) => bus.onConnection(handler),
      onProbe: (handler) => bus.onProbe(handler),
      close: () => bus.close(),
      onDirective: (handler) =>
        bus.onDirective((payload) => {
          this.#directed(payload);
          handler(payload);
        }),
      onOrder: (handler) =>
        bus.onOrder((payload, reply) => {
          const decoded = decodeActionOrder(payload);
          const order = decoded.type === "decoded" ? decoded.value : undefined;
          if (order !== undefined) this.#options.onOrder(order);
          // Judged as of its arrival: what comes while it is journaled does not take it back.
          const life = this.#meet();
          const termSeen = this.#term;
          handler(payload, (answer) => {
            if (order !== undefined) this.#answered(order, answer, { life, termSeen });
            reply(answer);
          });
        }),
    };
  }

  /** An action begins to be carried out. */
  began(action: ActionId): void {
    const runs = (this.#runs.get(action) ?? 0) + 1;
    this.#runs.set(action, runs);
    if (runs > 1) this.#options.onViolation("repeated", `${action} ran ${runs} times`);
  }

  #directed(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable") return;
    const { incarnation, term } = decoded.value;
    if (incarnation === this.#meet()) this.#term = Math.max(this.#term, term);
    this.#options.onDirective(decoded.value);
  }

  #answered(
    order: ActionOrder,
    answer: Uint8Array,
    arrival: { readonly life: string; readonly termSeen: number },
  ): void {
    const decoded = decodeActionReply(answer);
    if (decoded.type === "undecodable" || decoded.value.code !== "accepted") return;
    const { action, target, generation, incarnation, term } = order;
    const { life, termSeen } = arrival;
    const known = this.#runs.has(action);
    const newest = this.#generations.get(target) ?? 0;
    if (incarnation !== life) this.#unfenced(order, `is for ${incarnation}, not ${life}`);
    if (term < termSeen) this.#unfenced(order, `is of term ${term}, after ${termSeen}`);
    if (!known && generation <= newest) {
      this.#unfenced(order, `is of generation ${generation}, after ${newest}`);
    }
    this.#term = Math.max(this.#term, term);
    this.#generations.set(target, Math.max(newest, generation));
    if (known) return;
    this.#remember(action);
    this.#options.onAccepted(order);
  }

  /** The node's present life; a new one knows nothing of terms and generations. */
  #meet(): string {
    const present = this.#options.incarnation();
    if (present !== this.#incarnation) {
      this.#incarnation = present;
      this.#term = 0;
      this.#generations.clear();
    }
    return present;
  }

  #remember(action: ActionId): void {
    this.#runs.set(action, 0);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= LEDGER_ACTIONS_MAX) return;
      this.#runs.delete(oldest);
    }
  }

  #unfenced({ action }: ActionOrder, words: string): void {
    this.#options.onViolation("unfenced", `${action} was accepted and ${words}`);
  }
}
