/**
 * Answers orders from the bus: judged, journaled, then accepted.
 *
 * Every message gets exactly one reply, at once when it is refused and when its entry is durable
 * when it is accepted. Bytes that are no order are refused with the reason.
 */
import type { ActionId } from "@atoll/domain";
import {
  type ActionOrder,
  type ActionReply,
  type ActionReplyCode,
  decodeActionOrder,
  decodeWithdrawal,
  encodeActionReply,
  type Withdrawal,
} from "@atoll/codec/agent";
import type { ActionExecutor } from "./action-executor.ts";
import type { ActionJournal } from "./action-journal.ts";
import { isForAnother, judgeOrder } from "./fencing.ts";

export interface OrderDeskOptions {
  readonly journal: ActionJournal;
  readonly executor: Pick<ActionExecutor, "run" | "hasBegun">;
  readonly incarnation: () => string;
  /** Of this start of the agent. */
  readonly instance?: string;
  readonly mode: "act" | "observe";
  readonly storageFailure: () => string | undefined;
  readonly onAnswered: (
    code: ActionReplyCode,
    reason: string,
    order: { readonly action: ActionId } | undefined,
  ) => void;
  readonly onBroken: (error: unknown) => void;
}

/** Actions that are taken and not finished; more are refused. */
export const OPEN_ACTIONS_MAX = 4_096;

export class OrderDesk {
  readonly #options: OrderDeskOptions;

  constructor(options: OrderDeskOptions) {
    this.#options = options;
  }

  /** Never throws. */
  receive(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const decoded = decodeActionOrder(payload);
    const withdrawal = decoded.type === "undecodable" ? decodeWithdrawal(payload) : decoded;
    if (withdrawal !== decoded && withdrawal.type === "decoded") {
      this.#withdraw(withdrawal.value, reply).catch(this.#options.onBroken);
      return;
    }
    if (decoded.type === "undecodable") {
      this.#answer(reply, "unable", `not understood: ${decoded.reason}`, undefined);
      return;
    }
    this.#decide(decoded.value, reply).catch(this.#options.onBroken);
  }

  async #decide(order: ActionOrder, reply: (payload: Uint8Array) => void): Promise<void> {
    const { journal, incarnation, instance, mode, storageFailure, executor } = this.#options;
    const fenced = this.#fence(order);
    const verdict = judgeOrder(order, {
      incarnation: incarnation(),
      ...(instance === undefined ? {} : { instance }),
      term: journal.term,
      mode,
      storageFailure: storageFailure(),
      isKnown: (action) => journal.isKnown(action),
      isWithdrawn: (action) => journal.isWithdrawn(action),
      newest: (target) => journal.newest(target),
    });
    switch (verdict.type) {
      case "refuse":
        this.#answer(reply, verdict.code, verdict.reason, order);
        return;
      case "known":
        await Promise.all([journal.stored(order.action), fenced]);
        this.#answer(reply, "accepted", "", order);
        return;
      case "take": {
        if (journal.openCount >= OPEN_ACTIONS_MAX) {
          this.#answer(reply, "unable", `${OPEN_ACTIONS_MAX} actions are open`, order);
          return;
        }
        const entry = await journal.take(order);
        this.#answer(reply, "accepted", "", order);
        await executor.run(entry);
      }
    }
  }

  /** What has not begun never will; the answer to what has is that it goes on. */
  async #withdraw(withdrawal: Withdrawal, reply: (payload: Uint8Array) => void): Promise<void> {
    const { journal, executor, incarnation, storageFailure } = this.#options;
    const { action, target, generation, term } = withdrawal;
    const answer = (code: ActionReplyCode, reason = ""): void =>
      this.#answer(reply, code, reason, withdrawal);
    if (withdrawal.incarnation !== incarnation()) return answer("otherIncarnation");
    const { instance } = this.#options;
    if (isForAnother(withdrawal.instance, instance)) return answer("otherInstance");
    if (term < journal.term) return answer("staleTerm");
    if (journal.isWithdrawn(action)) {
      await journal.stored(action);
      return answer("withdrawn");
    }
    const waits = journal.isOpen(action) && !executor.hasBegun(action);
    if (journal.isKnown(action) && !waits) return answer("begun");
    const newest = journal.newest(target);
    if (!waits && newest !== undefined && newest.generation >= generation) {
      // What is newer for its target keeps it from ever beginning; itself, it began long ago.
      return answer(newest.action === action ? "begun" : "withdrawn");
    }
    const failure = storageFailure();
    if (failure !== undefined) return answer("unable", `the agent cannot store: ${failure}`);
    await journal.withdraw(withdrawal);
    answer("withdrawn");
  }

  /**
   * A newer term counts from the first order that bears it, also when that is only a repetition or
   * is refused. Resolves when it is durable.
   */
  #fence({ term, incarnation }: ActionOrder): Promise<void> {
    if (incarnation !== this.#options.incarnation()) return Promise.resolve();
    const fenced = this.#options.journal.sawTerm(term);
    // Only who accepts waits for it.
    fenced.catch(() => {});
    return fenced;
  }

  #answer(
    reply: (payload: Uint8Array) => void,
    code: ActionReplyCode,
    reason: string,
    order: { readonly action: ActionId } | undefined,
  ): void {
    const answer: ActionReply = { code, reason, term: this.#options.journal.term };
    reply(encodeActionReply(answer));
    this.#options.onAnswered(code, reason, order);
  }
}
