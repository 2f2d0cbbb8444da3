/**
 * Heartbeats, directives, orders and replies between agents and the orchestrator of their
 * datacenter, as bytes.
 *
 * Each side encodes what it says and checks in full what it hears.
 */
import type {
  ActionId,
  AgentProcess,
  DatacenterName,
  NodeName,
  Order,
  OutboxPosition,
  TargetKey,
} from "@atoll/domain";
import {
  ActionOrder as ProtoActionOrder,
  ActionReply as ProtoActionReply,
  ActionReplyCode as ProtoActionReplyCode,
  Directive as ProtoDirective,
  Heartbeat as ProtoHeartbeat,
} from "@atoll/proto/atoll/agent/v1/agent";
import {
  actionIdText,
  counter,
  cut,
  datacenterName,
  identifier,
  nodeName,
  position,
  targetKey,
} from "./check-message.ts";
import { checkedProcess } from "./claimant.ts";
import { checkedOrder } from "./check-order.ts";
import { DecodeError, required } from "./decode-error.ts";
import { attempt } from "./decoded.ts";
import type { Decoded } from "./decoded.ts";
import { fromProtoOrder, toProtoOrder } from "./order.ts";
import { words } from "./words.ts";

export interface Heartbeat {
  readonly datacenter: DatacenterName;
  readonly node: NodeName;
  readonly incarnation: string;
  /** The newest fact in the outbox; {0, 0} when there never was one. */
  readonly last: OutboxPosition;
  /** Up to where the agent knows its facts to be committed. */
  readonly committed: OutboxPosition;
  readonly maintenance: boolean;
  /** The server of the bus that the agent is connected to; empty when it does not say. */
  readonly server: string;
  /** Absent from an agent that does not name itself. */
  readonly process?: AgentProcess;
}

export interface Directive {
  /** The sender's Raft term. */
  readonly term: number;
  readonly incarnation: string;
  readonly committed: OutboxPosition;
  readonly maintenance: boolean;
  /** The agent is to report its whole inventory. Default false. */
  readonly inventoryWanted?: boolean;
  /** More than one agent speaks under this name; said to all of them. Default false. */
  readonly contested?: boolean;
  /** Where the log stood before it went on with another boot or incarnation. */
  readonly left?: { readonly incarnation: string; readonly committed: OutboxPosition };
}

export interface ActionOrder {
  readonly term: number;
  readonly action: ActionId;
  readonly generation: number;
  readonly target: TargetKey;
  /** How long the executor may take from receipt. */
  readonly timeoutMs: number;
  readonly order: Order;
  readonly incarnation: string;
  /** Of the agent that it is for, where the log knows one. */
  readonly instance?: string;
}

/** Takes an action back: it may begin no more. */
export type Withdrawal = Omit<ActionOrder, "order" | "timeoutMs">;

export type ActionReplyCode =
  | "accepted"
  | "withdrawn"
  | "begun"
  | "staleTerm"
  | "staleGeneration"
  | "otherIncarnation"
  | "otherInstance"
  | "unable";

export interface ActionReply {
  readonly code: ActionReplyCode;
  readonly reason: string;
  /** The newest term that the agent has seen. */
  readonly term: number;
}

const replyCodes = words<ActionReplyCode, ProtoActionReplyCode>("reply code", {
  withdrawn: ProtoActionReplyCode.ACTION_REPLY_CODE_WITHDRAWN,
  begun: ProtoActionReplyCode.ACTION_REPLY_CODE_BEGUN,
  accepted: ProtoActionReplyCode.ACTION_REPLY_CODE_ACCEPTED,
  staleTerm: ProtoActionReplyCode.ACTION_REPLY_CODE_STALE_TERM,
  staleGeneration: ProtoActionReplyCode.ACTION_REPLY_CODE_STALE_GENERATION,
  otherIncarnation: ProtoActionReplyCode.ACTION_REPLY_CODE_OTHER_INCARNATION,
  otherInstance: ProtoActionReplyCode.ACTION_REPLY_CODE_OTHER_INSTANCE,
  unable: ProtoActionReplyCode.ACTION_REPLY_CODE_UNABLE,
});

export function encodeHeartbeat(heartbeat: Heartbeat): Uint8Array {
  const { process, server } = heartbeat;
  return ProtoHeartbeat.encode({ ...heartbeat, busServer: server, process }).finish();
}

export function decodeHeartbeat(bytes: Uint8Array): Decoded<Heartbeat> {
  return attempt(() => {
    const message = ProtoHeartbeat.decode(bytes);
    return {
      datacenter: datacenterName(message.datacenter),
      node: nodeName(message.node),
      incarnation: identifier("incarnation", message.incarnation),
      last: position("last", message.last),
      committed: position("committed", message.committed),
      maintenance: message.maintenance,
      server: message.busServer === "" ? "" : identifier("bus server", message.busServer),
      ...(message.process === undefined ? {} : { process: checkedProcess(message.process) }),
    };
  });
}

export function encodeDirective(directive: Directive): Uint8Array {
  const { inventoryWanted = false, contested = false } = directive;
  return ProtoDirective.encode({ ...directive, inventoryWanted, contested }).finish();
}

export function decodeDirective(bytes: Uint8Array): Decoded<Directive> {
  return attempt(() => {
    const message = ProtoDirective.decode(bytes);
    return {
      term: counter("term", message.term),
      incarnation: identifier("incarnation", message.incarnation),
      committed: position("committed", message.committed),
      maintenance: message.maintenance,
      ...(message.inventoryWanted ? { inventoryWanted: true } : {}),
      ...(message.contested ? { contested: true } : {}),
      ...(message.left === undefined
        ? {}
        : {
            left: {
              incarnation: identifier("incarnation", message.left.incarnation),
              committed: position("left", message.left.committed),
            },
          }),
    };
  });
}

export function encodeActionOrder(order: ActionOrder): Uint8Array {
  const { instance = "" } = order;
  const message = { ...order, instance, order: toProtoOrder(order.order), withdraw: false };
  return ProtoActionOrder.encode(message).finish();
}

/** It has no order in it, so whoever does not know withdrawals refuses it. */
export function encodeWithdrawal(withdrawal: Withdrawal): Uint8Array {
  const { term, action, generation, target, incarnation, instance = "" } = withdrawal;
  const named = { term, action, generation, target, incarnation, instance };
  return ProtoActionOrder.encode({ ...named, timeoutMs: 0, withdraw: true }).finish();
}

export function decodeWithdrawal(bytes: Uint8Array): Decoded<Withdrawal> {
  return attempt(() => {
    const message = ProtoActionOrder.decode(bytes);
    if (!message.withdraw || message.order !== undefined) {
      throw new DecodeError("it withdraws nothing");
    }
    return {
      term: counter("term", message.term),
      action: actionIdText(message.action),
      generation: counter("generation", message.generation),
      target: targetKey(message.target),
      incarnation: identifier("incarnation", message.incarnation),
      ...instanceOf(message.instance),
    };
  });
}

export function decodeActionOrder(bytes: Uint8Array): Decoded<ActionOrder> {
  return attempt(() => {
    const message = ProtoActionOrder.decode(bytes);
    const order = checkedOrder(fromProtoOrder(required(message.order, "order")));
    const target = targetKey(message.target);
    if (target !== targetOf(order))
      throw new DecodeError(`an order for ${targetOf(order)} names ${target}`);
    return {
      term: counter("term", message.term),
      action: actionIdText(message.action),
      generation: counter("generation", message.generation),
      target,
      timeoutMs: counter("timeout", message.timeoutMs),
      order,
      incarnation: identifier("incarnation", message.incarnation),
      ...instanceOf(message.instance),
    };
  });
}

export function encodeActionReply({ code, reason, term }: ActionReply): Uint8Array {
  return ProtoActionReply.encode({ code: replyCodes.numberOf(code), reason, term }).finish();
}

export function decodeActionReply(bytes: Uint8Array): Decoded<ActionReply> {
  return attempt(() => {
    const message = ProtoActionReply.decode(bytes);
    return {
      code: replyCodes.wordOf(message.code),
      reason: cut(message.reason),
      term: counter("term", message.term),
    };
  });
}

function instanceOf(text: string): { readonly instance?: string } {
  return text === "" ? {} : { instance: identifier("instance", text) };
}

function targetOf(order: Order): string {
  switch (order.type) {
    case "writeFile":
      return `file:${order.file.path}`;
    case "removeFile":
      return `file:${order.path}`;
    case "startService":
    case "restartService":
      return `service:${order.service.key}`;
    case "stopService":
      return `service:${order.key}`;
  }
}
