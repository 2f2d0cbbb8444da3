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
} from "./agent-messages.ts";
export {
  decodeActionOrder,
  decodeActionReply,
  decodeDirective,
  decodeHeartbeat,
  encodeActionOrder,
  encodeActionReply,
  encodeDirective,
  encodeHeartbeat,
} from "./agent-messages.ts";
export type { Decoded } from "./decoded.ts";
export type { ReceivedFacts } from "./fact-batch.ts";
export { decodeFactBatch, encodeFactBatch } from "./fact-batch.ts";
