export { type Addressee, addresseeOf } from "./addressee.ts";
export { DatacenterTime, PATIENCE_MS, STEP_MS } from "./datacenter-time.ts";
export type { ClockReading, ClockStanding, DatacenterTimeOptions } from "./datacenter-time.ts";
export { Leader } from "./leader.ts";
export type { LeaderOptions } from "./leader.ts";
export { orderReplyOf } from "./order-reply.ts";
export type {
  AgentLink,
  Directive,
  FactMessage,
  LeaderObserver,
  Log,
  LogCodec,
  OrderReply,
  PresenceSource,
  ProposeOutcome,
  SubmitDone,
  SubmitOptions,
  SubmitOutcome,
} from "./ports.ts";
export { DETECTION_DEFAULTS } from "./detection-settings.ts";
export type { DetectionSettings } from "./detection-settings.ts";
export { ReplicaWatch } from "./replica-watch.ts";
export type { ReplicaWatchOptions, WatchFigures, WatchLink } from "./replica-watch.ts";
export type { HeartbeatView, WatchReport } from "./watch-report.ts";
export { ReplicatedState } from "./replicated-state.ts";
export type { AppliedListener } from "./replicated-state.ts";
export { CONTROL_DEFAULTS } from "./settings.ts";
export type { ControlSettings } from "./settings.ts";
