/**
 * Events as the API shows them.
 */
import { toProtoEvent } from "@atoll/codec";
import { describeEvent, type DomainEvent, nodeOf } from "@atoll/domain";
import type { Event } from "@atoll/proto/atoll/v1/event";
import type { FilterField } from "../filter/fields.ts";
import type { HistoryEntry } from "../islands/event-history.ts";
import type { ResourceNames } from "./resource-names.ts";
import { timestampOf } from "./time.ts";

/** An event with where it stands. */
export interface PlacedEvent {
  readonly index: number;
  readonly offset: number;
  readonly stampMs: number;
  readonly actor: string;
  readonly event: DomainEvent;
  /** Its share of the entry, about. */
  readonly bytes: number;
}

export function eventsOf({ index, entry, bytes }: HistoryEntry): PlacedEvent[] {
  const share = bytes / Math.max(1, entry.events.length);
  return entry.events.map(({ event, actor }, offset) => ({
    index,
    offset,
    stampMs: entry.stampMs,
    actor,
    event,
    bytes: share,
  }));
}

export function renderEvent(placed: PlacedEvent, names: ResourceNames): Event {
  const { index, offset, event } = placed;
  const node = nodeOf(event);
  return {
    name: names.event(index, offset),
    index,
    offset,
    time: timestampOf(placed.stampMs),
    type: event.type,
    node: node === undefined ? "" : names.node(node),
    actor: placed.actor,
    text: describeEvent(event),
    payload: toProtoEvent(event),
  };
}

/** What events may be filtered by. */
export function eventFilterFields(names: ResourceNames): readonly FilterField<PlacedEvent>[] {
  return [
    {
      name: "node",
      kind: { type: "text" },
      read: ({ event }) => {
        const node = nodeOf(event);
        return node === undefined ? undefined : names.node(node);
      },
    },
    { name: "type", kind: { type: "text" }, read: ({ event }) => event.type },
    { name: "actor", kind: { type: "text" }, read: ({ actor }) => actor },
    { name: "text", kind: { type: "text" }, read: ({ event }) => describeEvent(event) },
    { name: "index", kind: { type: "number" }, read: ({ index }) => index },
    { name: "time", kind: { type: "time" }, read: ({ stampMs }) => stampMs },
  ];
}
