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
export { DecodeError } from "./decode-error.ts";
export type { Decoded } from "./decoded.ts";
export { fromProtoEvent, toProtoEvent } from "./event.ts";
export type { ReceivedFacts } from "./fact-batch.ts";
export { decodeFactBatch, encodeFactBatch, fromProtoFact, toProtoFact } from "./fact-batch.ts";
export { fromProtoInventory, toProtoInventory } from "./inventory.ts";
export { decodeLogEntry, encodeLogEntry } from "./log-entry.ts";
export {
  fromProtoFileObservation,
  fromProtoServiceObservation,
  toProtoFileObservation,
  toProtoServiceObservation,
} from "./observation.ts";
export { fromProtoOrder, toProtoOrder } from "./order.ts";
export {
  fromProtoHealthCheck,
  fromProtoLocation,
  fromProtoRoleSpec,
  fromUserRoleSpec,
  ROLE_DEFAULTS,
  toProtoHealthCheck,
  toProtoLocation,
  toProtoRoleSpec,
} from "./role-spec.ts";
export {
  decodeSnapshot,
  encodeSnapshot,
  SNAPSHOT_CHUNK_BYTES,
  snapshotChunks,
  snapshotReader,
} from "./snapshot.ts";
export { decodeWatchReport, encodeWatchReport } from "./watch-report.ts";
export type { Submit } from "./submit.ts";
export {
  decodeSubmit,
  encodeSubmit,
  fromProtoRejection,
  fromProtoSubmit,
  toProtoRejection,
  toProtoSubmit,
} from "./submit.ts";
