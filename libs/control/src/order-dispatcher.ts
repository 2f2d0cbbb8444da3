/**
 * Brings planned actions to their agents and keeps at it until one answers.
 *
 * An order may be sent many times; the agent runs it once. What a user took back, and in a pause
 * what no agent has accepted, is withdrawn instead, as often: until the agent says that it will
 * never begin, or that it has. It never decides that an action failed: a refusal is handed on,
 * silence ends at the action's deadline. Only the leader has one.
 */
import type { ActionId, ActionState, NodeState, PlannerDecision, StateView } from "@atoll/domain";
import { cancellationOf } from "@atoll/domain";
import { BoundedQueue } from "@atoll/stdx";
import type { AgentLink, LeaderObserver, OrderReply } from "./ports.ts";

interface Dispatch {
  readonly action: ActionId;
  sentAtMs: number;
  /** The agent has taken the order, or refused it. */
  accepted: boolean;
  /** The agent has said that it is too late to withdraw it. */
  begun: boolean;
}

/** What an agent's answer makes of an action. */
export type Ending = Extract<PlannerDecision, { type: "fail" | "cancel" }>;

const ENDINGS_WAITING_MAX = 10_000;

export class OrderDispatcher {
  readonly #link: AgentLink;
  readonly #observer: LeaderObserver;
  readonly #resendEveryMs: number;
  readonly #dispatches = new Map<ActionId, Dispatch>();
  readonly #endings = new BoundedQueue<Ending>(ENDINGS_WAITING_MAX);
  #term = 0;
  #lookedAtMs = 0;

  constructor(options: { link: AgentLink; observer: LeaderObserver; resendEveryMs: number }) {
    this.#link = options.link;
    this.#observer = options.observer;
    this.#resendEveryMs = options.resendEveryMs;
  }

  /** Begins with nothing: open actions are added as their nodes are looked at. */
  lead(term: number): void {
    this.#term = term;
  }

  /** The open actions of a node, as far as they are not known. */
  addOpen(node: NodeState | undefined): void {
    for (const action of node?.open.values() ?? []) {
      if (!this.#dispatches.has(action)) this.add(action);
    }
  }

  resign(): void {
    this.#term = 0;
    this.#dispatches.clear();
    this.#endings.drain();
  }

  add(action: ActionId): void {
    const sentAtMs = Number.NEGATIVE_INFINITY;
    this.#dispatches.set(action, { action, sentAtMs, accepted: false, begun: false });
  }

  remove(action: ActionId): void {
    this.#dispatches.delete(action);
  }

  /** What agents refused or gave back since the last call, for the next batch. */
  takeEndings(): Ending[] {
    return this.#endings.drain();
  }

  /** Sends at once what is to be said about one action, if anything is. */
  send(action: ActionId, view: StateView, nowMs: number): void {
    const dispatch = this.#dispatches.get(action);
    if (dispatch !== undefined) this.#send(dispatch, view, nowMs);
  }

  /** Sends again what has had no answer for long enough. */
  resend(view: StateView, nowMs: number): void {
    if (nowMs - this.#lookedAtMs < this.#resendEveryMs / 4) return;
    this.#lookedAtMs = nowMs;
    for (const dispatch of this.#dispatches.values()) {
      if (nowMs - dispatch.sentAtMs >= this.#resendEveryMs) this.#send(dispatch, view, nowMs);
    }
  }

  #send(dispatch: Dispatch, view: StateView, nowMs: number): void {
    const action = view.action(dispatch.action);
    const node = action && view.node(action.node);
    if (action === undefined || node === undefined || action.status !== "planned") {
      this.#dispatches.delete(dispatch.action);
      return;
    }
    const term = this.#term;
    const withdrawn = reasonToWithdraw(dispatch, action, view);
    if (withdrawn !== undefined) {
      if (dispatch.begun) return;
      dispatch.sentAtMs = nowMs;
      this.#link.sendWithdrawal({ term, node, action }, (reply) => {
        if (this.#term === term) this.#withdrawalAnswered(dispatch, action, reply, withdrawn);
      });
      return;
    }
    if (dispatch.accepted) return;
    dispatch.sentAtMs = nowMs;
    const timeoutMs = action.deadlineMs - action.planned.stampMs;
    this.#link.sendOrder({ term, node, action, timeoutMs }, (reply) => {
      if (this.#term === term) this.#orderAnswered(dispatch, action, reply);
    });
  }

  #orderAnswered(dispatch: Dispatch, action: ActionState, reply: OrderReply): void {
    this.#observer.orderAnswered(action, reply);
    if (this.#dispatches.get(dispatch.action) !== dispatch) return;
    if (reply.type === "accepted") dispatch.accepted = true;
    if (reply.type !== "refused") return;
    // A full queue is no loss: the order is then sent, and refused, again.
    dispatch.accepted = this.#end({ type: "fail", ...endOf(action), reason: reply.reason });
  }

  #withdrawalAnswered(
    dispatch: Dispatch,
    action: ActionState,
    reply: OrderReply,
    reason: string,
  ): void {
    this.#observer.orderAnswered(action, reply);
    if (this.#dispatches.get(dispatch.action) !== dispatch) return;
    if (reply.type === "withdrawn") {
      dispatch.begun = this.#end({ type: "cancel", ...endOf(action), reason });
    } else if (reply.type === "begun") {
      dispatch.begun = true;
      dispatch.accepted = true;
    }
  }

  /** False when there is no room for it now. */
  #end(ending: Ending): boolean {
    return this.#endings.push(ending);
  }
}

function endOf(action: ActionState): Pick<Ending, "node" | "action"> {
  return { node: action.node, action: action.id };
}

/** Why the action is to be taken back; undefined when it is not. */
function reasonToWithdraw(
  dispatch: Dispatch,
  action: ActionState,
  view: StateView,
): string | undefined {
  const cancelled = cancellationOf(view, action);
  if (cancelled !== undefined) return `cancelled by ${cancelled.actor}: ${cancelled.reason}`;
  if (view.pause === undefined || dispatch.accepted) return undefined;
  return `paused before its agent had taken it: ${view.pause.reason}`;
}
