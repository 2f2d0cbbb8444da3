/**
 * Times as people say them: "12s ago", "340ms".
 *
 * Structured output keeps the absolute times of the API; these texts are for tables only.
 */
import type { Duration } from "@atoll/proto/google/protobuf/duration";
import type { Timestamp } from "@atoll/proto/google/protobuf/timestamp";
import type { Since } from "@atoll/proto/atoll/v1/common";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function timestampMs(time: Timestamp): number {
  return time.seconds * 1_000 + Math.floor(time.nanos / 1_000_000);
}

export function durationMs(duration: Duration): number {
  return duration.seconds * 1_000 + duration.nanos / 1_000_000;
}

/** `12s ago`, `now`, `in 3s`; `-` without a time. */
export function ago(time: Timestamp | undefined, nowMs: number): string {
  if (time === undefined) return "-";
  const elapsedMs = nowMs - timestampMs(time);
  if (Math.abs(elapsedMs) < SECOND_MS) return "now";
  const whole = span(Math.floor(Math.abs(elapsedMs) / SECOND_MS) * SECOND_MS).replace(".0s", "s");
  return elapsedMs > 0 ? `${whole} ago` : `in ${whole}`;
}

/** `12s ago (#42)`: when, and by which entry of the log. */
export function agoWithIndex(since: Since | undefined, nowMs: number): string {
  if (since === undefined) return "-";
  return `${ago(since.time, nowMs)} (#${since.index})`;
}

/** A span in at most two units: `340ms`, `2.4s`, `5m 12s`, `3d 4h`. */
export function span(milliseconds: number): string {
  if (milliseconds < SECOND_MS) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < 10 * SECOND_MS) return `${(milliseconds / SECOND_MS).toFixed(1)}s`;
  if (milliseconds < MINUTE_MS) return `${Math.floor(milliseconds / SECOND_MS)}s`;
  if (milliseconds < HOUR_MS) return twoUnits(milliseconds, MINUTE_MS, "m", SECOND_MS, "s");
  if (milliseconds < DAY_MS) return twoUnits(milliseconds, HOUR_MS, "h", MINUTE_MS, "m");
  return twoUnits(milliseconds, DAY_MS, "d", HOUR_MS, "h");
}

/** `14:03:07.120`, in the local zone: for lines that come as things happen. */
export function clockTime(time: Timestamp | undefined): string {
  if (time === undefined) return "--:--:--.---";
  const date = new Date(timestampMs(time));
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}

function twoUnits(
  milliseconds: number,
  largeMs: number,
  large: string,
  smallMs: number,
  small: string,
): string {
  const whole = Math.floor(milliseconds / largeMs);
  const rest = Math.floor((milliseconds % largeMs) / smallMs);
  return rest === 0 ? `${whole}${large}` : `${whole}${large} ${rest}${small}`;
}
