/**
 * A page of the history of one datacenter, or of all, one after the other.
 *
 * Reads each log forward from where the page begins to where the log ended when the call came. A
 * call looks at a bounded number of entries; a filter that keeps little gives short pages, and a
 * token to go on with. Of several datacenters, one whose history cannot be read in a moment is
 * passed over and says so.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import type { ListEventsRequest, ListEventsResponse } from "@atoll/proto/atoll/v1/event";
import { type CallContext, invalidField } from "@atoll/service-kit";
import { compareText } from "@atoll/stdx";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { EventHistory, HistoryEntry } from "../islands/event-history.ts";
import type { Island } from "../islands/island.ts";
import { asOfNothing, beginReads } from "./begin-read.ts";
import { eventFilterFields, eventsOf, type PlacedEvent, renderEvent } from "./event-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { PAGE_SIZE_MAX, pageSizeOf, pageToken, readPlace } from "./pages.ts";

const ENTRIES_PER_CALL_MAX = 50_000;
/** Of the log: a message holds the events and their texts. */
const BYTES_PER_PAGE = 1_500_000;
/** How many entries the search for the newest events begins with, per event wanted. */
const WINDOW_FACTOR = 4;
/** How long a list over several datacenters reads the history of one. */
const PATIENCE_MS = 2_000;

/** What a page may still hold. */
interface Room {
  readonly events: number;
  readonly bytes: number;
  readonly entries: number;
}

interface Range {
  readonly from: number;
  /** The last index that belongs to it. */
  readonly end: number;
  readonly signal: AbortSignal;
}

type Position = Pick<PlacedEvent, "index" | "offset">;

interface EventPage {
  readonly events: readonly PlacedEvent[];
  /** After which event to go on; undefined at the end. */
  readonly goOnAfter: Position | undefined;
  /** How many entries were looked at. */
  readonly entries: number;
}

/** The part of a page that one datacenter gives. */
interface Part {
  readonly island: Island;
  readonly keeps: Filter<PlacedEvent>;
  readonly asOf: AsOf;
  readonly after: Position | undefined;
  /** As requested: an index, 0 for the first that is kept, or so many of the newest. */
  readonly fromIndex: number;
  readonly room: Room;
}

export async function listEvents(
  { islands }: HandlerParts,
  request: ListEventsRequest,
  context: CallContext,
): Promise<ListEventsResponse> {
  const { parent, filter, fromIndex } = request;
  const asked = islands.under(parent);
  checkFromIndex(fromIndex, asked);
  const filters = asked.map(({ names }) => compileFilter(filter, eventFilterFields(names)));
  const list = ["events", parent, filter];
  const place = readPlace(request, list);
  const size = pageSizeOf(request);
  const parts = [...(await beginReads(asked, context))];
  const homeAt = asked.indexOf(islands.home);
  const events: ListEventsResponse["events"][number][] = [];
  let room: Room = { events: size, bytes: BYTES_PER_PAGE, entries: ENTRIES_PER_CALL_MAX };
  let nextPageToken = "";
  for (const [at, island] of asked.entries()) {
    const asOf = parts[at] as AsOf;
    const keeps = filters[at] as Filter<PlacedEvent>;
    const order = place === undefined ? 1 : compareText(island.datacenter, place.datacenter);
    if (order < 0 || !island.mirror.synced) continue;
    if (room.events <= 0 || room.bytes <= 0 || room.entries <= 0) {
      nextPageToken = pageToken(list, `${island.datacenter}/`);
      break;
    }
    const after = order === 0 ? parsePosition(place?.after) : undefined;
    const part = { island, keeps, asOf, after, fromIndex, room };
    const page = await partOf(part, asked.length > 1, context.signal);
    if (page === undefined) {
      parts[at] = asOfNothing(island.datacenter);
      continue;
    }
    for (const placed of page.events) events.push(renderEvent(placed, island.names));
    if (page.goOnAfter !== undefined) {
      const { index, offset } = page.goOnAfter;
      nextPageToken = pageToken(list, `${island.datacenter}/${index}-${offset}`);
      break;
    }
    room = roomLeft(room, page);
  }
  return { events, nextPageToken, asOf: parts[Math.max(0, homeAt)], parts };
}

/** Undefined when nothing of it could be read in the time that one of `several` has. */
async function partOf(
  part: Part,
  several: boolean,
  callerSignal: AbortSignal,
): Promise<EventPage | undefined> {
  if (!several) return readPart(part, callerSignal);
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const page = await readPart(part, AbortSignal.any([callerSignal, patience]));
    // The newest are only known when all of them were read.
    const useful = page.entries > 0 && !wantsNewest(part);
    return patience.aborted && !useful ? undefined : page;
  } catch (error) {
    if (patience.aborted && !callerSignal.aborted) return undefined;
    throw error;
  }
}

async function readPart(part: Part, signal: AbortSignal): Promise<EventPage> {
  const { island, keeps, after, fromIndex, room } = part;
  const { history } = island;
  const end = part.asOf.index;
  if (wantsNewest(part)) {
    const wanted = -fromIndex;
    return pageOf(await newest(history, { wanted, end, keeps, signal }), room);
  }
  const from = after?.index ?? (fromIndex || (await history.firstIndex(signal)));
  return forward(history, { from, end, signal, after, keeps, room });
}

function wantsNewest({ after, fromIndex }: Part): boolean {
  return after === undefined && fromIndex < 0;
}

function roomLeft(room: Room, page: EventPage): Room {
  return {
    events: room.events - page.events.length,
    bytes: room.bytes - page.events.reduce((sum, { bytes }) => sum + bytes, 0),
    entries: room.entries - page.entries,
  };
}

/** The page that begins at `from`, behind `after`; what was read when it is aborted. */
async function forward(
  history: EventHistory,
  options: Range & {
    readonly after: Position | undefined;
    readonly keeps: Filter<PlacedEvent>;
    readonly room: Room;
  },
): Promise<EventPage> {
  const { room, signal } = options;
  const events: PlacedEvent[] = [];
  let bytes = 0;
  let entries = 0;
  let last: Position | undefined;
  for await (const entry of entriesIn(history, options)) {
    for (const placed of eventsOf(entry)) {
      if (!isAfter(placed, options.after) || !options.keeps(placed)) continue;
      events.push(placed);
      bytes += placed.bytes;
      if (events.length >= room.events || bytes >= room.bytes) {
        return { events, goOnAfter: placed, entries };
      }
    }
    entries += 1;
    last = { index: entry.index, offset: Number.MAX_SAFE_INTEGER };
    if (entries >= room.entries) return { events, goOnAfter: last, entries };
  }
  return { events, goOnAfter: signal.aborted ? last : undefined, entries };
}

/**
 * The newest `wanted` events that the filter keeps, in order, looked for from the end backwards.
 */
async function newest(
  history: EventHistory,
  options: Omit<Range, "from"> & { readonly wanted: number; readonly keeps: Filter<PlacedEvent> },
): Promise<readonly PlacedEvent[]> {
  const { wanted, end, keeps } = options;
  const first = await history.firstIndex(options.signal);
  let window = Math.max(64, wanted * WINDOW_FACTOR);
  for (;;) {
    const from = Math.max(first, end - window + 1);
    let kept: PlacedEvent[] = [];
    for await (const entry of entriesIn(history, { ...options, from })) {
      for (const placed of eventsOf(entry)) if (keeps(placed)) kept.push(placed);
      if (kept.length > 2 * wanted) kept = kept.slice(-wanted);
    }
    const enough = kept.length >= wanted;
    if (enough || from === first || window >= ENTRIES_PER_CALL_MAX) return kept.slice(-wanted);
    window = Math.min(ENTRIES_PER_CALL_MAX, window * WINDOW_FACTOR);
  }
}

/** Entries with events, from the first to the last index of the range. */
async function* entriesIn(history: EventHistory, range: Range): AsyncGenerator<HistoryEntry, void> {
  if (range.from > range.end) return;
  for await (const batch of history.read(range.from, range.signal)) {
    for (const entry of batch.entries) {
      if (entry.index > range.end) return;
      yield entry;
    }
    // Entries of Raft's own hold nothing: the last index may be one of those.
    if (batch.next > range.end) return;
  }
}

function pageOf(events: readonly PlacedEvent[], room: Room): EventPage {
  let count = 0;
  let bytes = 0;
  for (const placed of events.slice(0, room.events)) {
    bytes += placed.bytes;
    if (count > 0 && bytes > room.bytes) break;
    count += 1;
  }
  return {
    events: events.slice(0, count),
    goOnAfter: count < events.length ? events[count - 1] : undefined,
    entries: count,
  };
}

function checkFromIndex(fromIndex: number, asked: readonly Island[]): void {
  if (fromIndex > 0 && asked.length > 1) {
    throw invalidField(
      "from_index",
      "an index is of one datacenter: name it as parent, or begin at 0 or with the newest events",
    );
  }
  if (fromIndex >= -PAGE_SIZE_MAX) return;
  throw invalidField(
    "from_index",
    `${fromIndex} is not allowed: an index, 0 for the first that is kept, ` +
      `or -1 to -${PAGE_SIZE_MAX} for so many of the newest events`,
  );
}

function parsePosition(token: string | undefined): Position | undefined {
  if (token === undefined) return undefined;
  const [index, offset] = token.split("-").map(Number);
  return { index: index ?? 0, offset: offset ?? 0 };
}

function isAfter(placed: PlacedEvent, position: Position | undefined): boolean {
  if (position === undefined || placed.index > position.index) return true;
  return placed.index === position.index && placed.offset > position.offset;
}
