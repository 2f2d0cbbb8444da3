/**
 * The state of one direction of a link for people: on the lab's screen and in its reports.
 */
import type { LaneConditions } from "./lane.ts";

const PPM_PER_PERCENT = 10_000;
const BYTES_PER_KBIT = 125;

/** For example `open, 80 ms late, 1 % lost`. */
export function laneText({ cut, delayMs, lossPpm, bytesPerSecond }: LaneConditions): string {
  return [
    cut ? "cut" : "open",
    ...(delayMs > 0 ? [`${delayMs} ms late`] : []),
    ...(lossPpm > 0 ? [`${lossPpm / PPM_PER_PERCENT} % lost`] : []),
    ...(bytesPerSecond > 0 ? [`at most ${bytesPerSecond / BYTES_PER_KBIT} kbit/s`] : []),
  ].join(", ");
}
