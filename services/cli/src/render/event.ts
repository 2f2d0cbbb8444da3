/**
 * Events for people: a line each.
 */
import type { Event } from "@atoll/proto/atoll/v1/event";
import { shortName } from "../resource-names.ts";
import type { Cell } from "./table.ts";
import { ago, clockTime } from "./time.ts";

export const EVENT_HEADING: readonly string[] = ["EVENT", "TIME", "TYPE", "NODE", "BY", "TEXT"];
/** So that lines of a watch line up though their contents are not known beforehand. */
export const EVENT_WIDTHS_MIN: readonly number[] = [8, 12, 21, 10, 10];

export function eventRow(event: Event, nowMs: number): Cell[] {
  return eventCells(event, ago(event.time, nowMs));
}

/** With the time of day: for lines that come as things happen. */
export function eventFollowRow(event: Event): Cell[] {
  return eventCells(event, clockTime(event.time));
}

function eventCells(event: Event, time: string): Cell[] {
  return [
    { text: `#${event.index}.${event.offset}`, style: "faint" },
    { text: time, style: "faint" },
    { text: event.type, style: "accent" },
    event.node === "" ? "" : shortName(event.node),
    event.actor,
    event.text,
  ];
}
