/**
 * Brings planned actions to their agents and keeps at it until one answers.
 *
 * An order may be sent many times; the agent runs it once. It never decides that an action failed:
 * a refusal is handed on, silence ends at the action's deadline. Only the leader has one.
 */
import type { ActionId, ActionState, StateView } from "@atoll/domain";
import { BoundedQueue } from "@atoll/stdx";
import type { AgentLink, LeaderObserver, OrderReply } from "./ports.ts";

interface Dispatch {
  readonly action: ActionId;
  sentAtMs: number;
  accepted: boolean;
}

export interface Refusal {
  readonly action: ActionState;
  readonly reason: string;
}

const REFUSALS_WAITING_MAX = 10_000;

export class OrderDispatcher {
  readonly #link: AgentLink;
  readonly #observer: LeaderObserver;
  readonly #resendEveryMs: number;
  readonly #dispatches = new Map<ActionId, Dispatch>();
  readonly #refusals = new BoundedQueue<Refusal>(REFUSALS_WAITING_MAX);
  #term = 0;
  #lookedAtMs = 0;

  constructor(options: { link: AgentLink; observer: LeaderObserver; resendEveryMs: number }) {
    this.#link = options.link;
    this.#observer = options.observer;
    this.#resendEveryMs = options.resendEveryMs;
  }

  /** Begins with every open action of the state. */
  lead(term: number, view: StateView): void {
    this.#term = term;
    for (const node of view.nodes()) for (const action of node.open.values()) this.add(action);
  }

  resign(): void {
    this.#term = 0;
    this.#dispatches.clear();
    this.#refusals.drain();
  }

  add(action: ActionId): void {
    this.#dispatches.set(action, { action, sentAtMs: Number.NEGATIVE_INFINITY, accepted: false });
  }

  remove(action: ActionId): void {
    this.#dispatches.delete(action);
  }

  /** Refusals since the last call, for the next batch. */
  takeRefusals(): Refusal[] {
    return this.#refusals.drain();
  }

  get refusalsWaiting(): number {
    return this.#refusals.size;
  }

  /** Sends one order at once, unless actions are paused. */
  send(action: ActionId, view: StateView, nowMs: number): void {
    const dispatch = this.#dispatches.get(action);
    if (dispatch !== undefined && view.pause === undefined) this.#send(dispatch, view, nowMs);
  }

  /** Sends again what has had no answer for long enough. Nothing while actions are paused. */
  resend(view: StateView, nowMs: number): void {
    if (nowMs - this.#lookedAtMs < this.#resendEveryMs / 4) return;
    this.#lookedAtMs = nowMs;
    if (view.pause !== undefined) return;
    for (const dispatch of this.#dispatches.values()) {
      if (dispatch.accepted || nowMs - dispatch.sentAtMs < this.#resendEveryMs) continue;
      this.#send(dispatch, view, nowMs);
    }
  }

  #send(dispatch: Dispatch, view: StateView, nowMs: number): void {
    const action = view.action(dispatch.action);
    const node = action && view.node(action.node);
    if (action === undefined || node === undefined || action.status !== "planned") {
      this.#dispatches.delete(dispatch.action);
      return;
    }
    dispatch.sentAtMs = nowMs;
    const term = this.#term;
    const timeoutMs = action.deadlineMs - action.planned.stampMs;
    this.#link.sendOrder({ term, node, action, timeoutMs }, (reply) => {
      if (this.#term === term) this.#answered(dispatch, action, reply);
    });
  }

  #answered(dispatch: Dispatch, action: ActionState, reply: OrderReply): void {
    this.#observer.orderAnswered(action, reply);
    if (this.#dispatches.get(dispatch.action) !== dispatch) return;
    if (reply.type === "accepted") dispatch.accepted = true;
    if (reply.type !== "refused") return;
    dispatch.accepted = true;
    // A full queue is no loss: the order is then sent, and refused, again.
    if (!this.#refusals.push({ action, reason: reply.reason })) dispatch.accepted = false;
  }
}
