/**
 * The pause of a datacenter for people.
 */
import type { ActionsPause } from "@atoll/proto/atoll/v1/common";
import { shortName } from "../resource-names.ts";
import { escapeLine } from "./escape.ts";
import { agoWithIndex } from "./time.ts";

/** For example `paused by user/ada, 5s ago (#41): the switch is replaced`. */
export function pauseText({ reason, actor, since }: ActionsPause, nowMs: number): string {
  return `paused by ${escapeLine(actor)}, ${agoWithIndex(since, nowMs)}: ${escapeLine(reason)}`;
}

/** A line for each datacenter in which nothing is ordered. */
export function pauseNotes(pauses: readonly ActionsPause[], nowMs: number): string[] {
  return pauses.map((pause) => {
    return `${escapeLine(shortName(pause.datacenter))}: actions are ${pauseText(pause, nowMs)}`;
  });
}
