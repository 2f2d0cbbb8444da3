export { Leader } from "./leader.ts";
export type { FactMessage, HeartbeatView, LeaderOptions } from "./leader.ts";
export type {
  AgentLink,
  Directive,
  LeaderObserver,
  Log,
  LogCodec,
  OrderReply,
  ProposeOutcome,
  SubmitDone,
  SubmitOptions,
  SubmitOutcome,
} from "./ports.ts";
export { ReplicatedState } from "./replicated-state.ts";
export type { AppliedListener } from "./replicated-state.ts";
export { CONTROL_DEFAULTS } from "./settings.ts";
export type { ControlSettings } from "./settings.ts";
