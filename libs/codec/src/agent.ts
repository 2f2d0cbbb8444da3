/**
 * The agent's part of the codec: what agents say and hear, and nothing that the orchestrator's own
 * protocols bring along.
 *
 * For processes that must stay small: import `@atoll/codec/agent`, and nothing of gRPC is loaded.
 */
export type {
  ActionOrder,
  ActionReply,
  ActionReplyCode,
  Directive,
  Heartbeat,
  Withdrawal,
} from "./agent-messages.ts";
export {
  decodeActionOrder,
  decodeActionReply,
  decodeDirective,
  decodeHeartbeat,
  decodeWithdrawal,
  encodeActionOrder,
  encodeActionReply,
  encodeDirective,
  encodeHeartbeat,
  encodeWithdrawal,
} from "./agent-messages.ts";
export type { Decoded } from "./decoded.ts";
export type { ReceivedFacts } from "./fact-batch.ts";
export { decodeFactBatch, encodeFactBatch } from "./fact-batch.ts";
