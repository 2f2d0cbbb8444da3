export type { FeedFrame, FeedItem } from "./feed-frame.ts";
export { LogFeed } from "./log-feed.ts";
export type { FeedStart, LogFeedOptions } from "./log-feed.ts";
export { MirrorIntake } from "./mirror-intake.ts";
export type {
  Divergence,
  MirrorIntakeOptions,
  MirrorTarget,
  PiecewiseRestore,
} from "./mirror-intake.ts";
export type { EntryReader, FeedSink, Hasher, Turns } from "./ports.ts";
export { fromProtoFrame, toProtoFrame } from "./wire.ts";
export { MIRROR_LOG_DEFAULTS, MIRROR_MEMBERSHIP, MirrorLog, recoverMirror } from "./mirror-log.ts";
export type { MirrorLogOptions, MirrorLogSettings } from "./mirror-log.ts";
