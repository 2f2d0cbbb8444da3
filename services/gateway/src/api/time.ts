/**
 * Milliseconds to the well-known types of protobuf.
 */
import type { Since as DomainSince } from "@atoll/domain";
import type { Since } from "@atoll/proto/atoll/v1/common";
import type { Duration } from "@atoll/proto/google/protobuf/duration";
import type { Timestamp } from "@atoll/proto/google/protobuf/timestamp";

const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;

/** @param realtimeMs since 1970. */
export function timestampOf(realtimeMs: number): Timestamp {
  return durationOf(realtimeMs);
}

/** Of a length below zero both parts are, as the format has it. */
export function durationOf(lengthMs: number): Duration {
  const wholeMs = Math.round(lengthMs);
  const seconds = Math.trunc(wholeMs / MS_PER_SECOND);
  return { seconds, nanos: (wholeMs - seconds * MS_PER_SECOND) * NANOS_PER_MS };
}

export function sinceOf(since: DomainSince): Since {
  return { time: timestampOf(since.stampMs), index: since.index };
}
