/**
 * Answers orders from the bus: judged, journaled, then accepted.
 *
 * Every message gets exactly one reply, at once when it is refused and when its entry is durable
 * when it is accepted. Bytes that are no order are refused with the reason.
 */
import {
  type ActionOrder,
  type ActionReply,
  type ActionReplyCode,
  decodeActionOrder,
  encodeActionReply,
} from "@atoll/codec/agent";
import type { ActionExecutor } from "./action-executor.ts";
import type { ActionJournal } from "./action-journal.ts";
import { judgeOrder } from "./fencing.ts";

export interface OrderDeskOptions {
  readonly journal: ActionJournal;
  readonly executor: Pick<ActionExecutor, "run">;
  readonly incarnation: () => string;
  readonly mode: "act" | "observe";
  readonly storageFailure: () => string | undefined;
  readonly onAnswered: (
    code: ActionReplyCode,
    reason: string,
    order: ActionOrder | undefined,
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
    if (decoded.type === "undecodable") {
      this.#answer(reply, "unable", `not understood: ${decoded.reason}`, undefined);
      return;
    }
    this.#decide(decoded.value, reply).catch(this.#options.onBroken);
  }

  async #decide(order: ActionOrder, reply: (payload: Uint8Array) => void): Promise<void> {
    const { journal, incarnation, mode, storageFailure, executor } = this.#options;
    const verdict = judgeOrder(order, {
      incarnation: incarnation(),
      term: journal.term,
      mode,
      storageFailure: storageFailure(),
      isKnown: (action) => journal.isKnown(action),
      newest: (target) => journal.newest(target),
    });
    switch (verdict.type) {
      case "refuse":
        this.#answer(reply, verdict.code, verdict.reason, order);
        return;
      case "known":
        await journal.stored(order.action);
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

  #answer(
    reply: (payload: Uint8Array) => void,
    code: ActionReplyCode,
    reason: string,
    order: ActionOrder | undefined,
  ): void {
    const answer: ActionReply = { code, reason, term: this.#options.journal.term };
    reply(encodeActionReply(answer));
    this.#options.onAnswered(code, reason, order);
  }
}
