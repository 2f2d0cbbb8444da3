export type {
  Done,
  EntryRange,
  LeadershipChange,
  LogStore,
  LogWrite,
  MembershipOutcome,
  PeerProgress,
  PeerTransport,
  ProposalOutcome,
  ReadOutcome,
  RecoveredLog,
  ReplicaDriver,
  ReplicaObserver,
  ReplicaStatus,
  SnapshotOutcome,
  StateMachine,
  StateRestore,
  TransferOutcome,
} from "./ports.ts";
export { additionStep } from "./addition-step.ts";
export { LogLostError } from "./log-lost-error.ts";
export { Replica } from "./replica.ts";
export type { ReplicaOptions } from "./replica-options.ts";
export type { ReplicaSettings } from "./settings.ts";
export { DEFAULT_REPLICA_SETTINGS } from "./settings.ts";
export type { StallDetectorOptions } from "./stall-detector.ts";
export { StallDetector } from "./stall-detector.ts";
