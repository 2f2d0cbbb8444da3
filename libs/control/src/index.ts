export { Leader } from "./leader.ts";
export type { LeaderOptions } from "./leader.ts";
export { orderReplyOf } from "./order-reply.ts";
export type {
  AgentLink,
  Directive,
  FactMessage,
  HeartbeatView,
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
