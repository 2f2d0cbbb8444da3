/**
 * How the leader's words reach agents: encoded, over the bus.
 *
 * Never retries: the dispatcher and the heartbeats do. Replies that make no sense count as silence.
 */
import {
  decodeActionReply,
  encodeActionOrder,
  encodeDirective,
  encodeWithdrawal,
} from "@atoll/codec";
import {
  addresseeOf,
  type AgentLink,
  type Directive,
  type OrderReply,
  orderReplyOf,
} from "@atoll/control";
import type { ActionState, NodeName, NodeState, StreamPosition } from "@atoll/domain";
import type { OrchestratorBus } from "@atoll/event-bus";
import type { Log } from "@atoll/service-kit";

const REPLY_TIMEOUT_MS = 900;

export class BusAgentLink implements AgentLink {
  readonly #bus: OrchestratorBus;
  readonly #log: Log;

  constructor(options: { bus: OrchestratorBus; log: Log }) {
    this.#bus = options.bus;
    this.#log = options.log;
  }

  sendOrder(
    order: {
      readonly term: number;
      readonly node: NodeState;
      readonly action: ActionState;
      readonly timeoutMs: number;
    },
    done: (reply: OrderReply) => void,
  ): void {
    const { term, node, action, timeoutMs } = order;
    const payload = encodeActionOrder({
      term,
      action: action.id,
      generation: action.generation,
      target: action.target,
      timeoutMs,
      order: action.order,
      ...addresseeOf(node),
    });
    this.#bus.sendOrder(node.name, payload, REPLY_TIMEOUT_MS, (reply) => {
      done(reply === undefined ? { type: "silent" } : this.#understand(node.name, reply));
    });
  }

  sendWithdrawal(
    withdrawal: {
      readonly term: number;
      readonly node: NodeState;
      readonly action: ActionState;
    },
    done: (reply: OrderReply) => void,
  ): void {
    const { term, node, action } = withdrawal;
    const { id, generation, target } = action;
    const payload = encodeWithdrawal({
      term,
      action: id,
      generation,
      target,
      ...addresseeOf(node),
    });
    this.#bus.sendOrder(node.name, payload, REPLY_TIMEOUT_MS, (reply) => {
      done(reply === undefined ? { type: "silent" } : this.#understand(node.name, reply));
    });
  }

  sendDirective(node: NodeName, directive: Directive): void {
    this.#bus.sendDirective(node, encodeDirective(directive));
  }

  forgetFacts(through: StreamPosition): void {
    this.#bus.forgetFacts(through.created, through.sequence);
  }

  #understand(node: NodeName, payload: Uint8Array): OrderReply {
    const decoded = decodeActionReply(payload);
    if (decoded.type === "undecodable") {
      this.#log.warn("reply not understood", { node, reason: decoded.reason });
      return { type: "silent" };
    }
    return orderReplyOf(decoded.value);
  }
}
