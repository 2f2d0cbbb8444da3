/**
 * A page of a datacenter's history.
 *
 * Reads the log forward from where the page begins to where the log ended when the call came. A
 * call looks at a bounded number of entries; a filter that keeps little gives short pages, and a
 * token to go on with.
 */
import type { ListEventsRequest, ListEventsResponse } from "@atoll/proto/atoll/v1/event";
import { type CallContext, invalidField } from "@atoll/service-kit";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { EventHistory, HistoryEntry } from "../islands/event-history.ts";
import { eventFilterFields, eventsOf, type PlacedEvent, renderEvent } from "./event-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { PAGE_SIZE_MAX, pageSizeOf, pageToken, readPageToken } from "./pages.ts";

const ENTRIES_PER_CALL_MAX = 50_000;
/** Of the log: a message holds the events and their texts. */
const BYTES_PER_PAGE = 1_500_000;
/** How many entries the search for the newest events begins with, per event wanted. */
const WINDOW_FACTOR = 4;

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
}

export async function listEvents(
  { islands }: HandlerParts,
  request: ListEventsRequest,
  context: CallContext,
): Promise<ListEventsResponse> {
  const { names, reads, history } = islands.one(request.parent);
  checkFromIndex(request.fromIndex);
  const keeps = compileFilter(request.filter, eventFilterFields(names));
  const list = ["events", request.parent, request.filter];
  const token = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await reads.begin(context.deadlineMs);
  const { signal } = context;
  const end = asOf.index;
  let page: EventPage;
  if (token === undefined && request.fromIndex < 0) {
    const wanted = -request.fromIndex;
    page = pageOf(await newest(history, { wanted, end, keeps, signal }), size);
  } else {
    const after = token === undefined ? undefined : parsePosition(token);
    const from = after?.index ?? (request.fromIndex || (await history.firstIndex(signal)));
    page = await forward(history, { from, end, signal, after, keeps, size });
  }
  const { goOnAfter } = page;
  return {
    events: page.events.map((placed) => renderEvent(placed, names)),
    nextPageToken:
      goOnAfter === undefined ? "" : pageToken(list, `${goOnAfter.index}-${goOnAfter.offset}`),
    asOf,
  };
}

/** The page that begins at `from`, behind `after`. */
async function forward(
  history: EventHistory,
  options: Range & {
    readonly after: Position | undefined;
    readonly keeps: Filter<PlacedEvent>;
    readonly size: number;
  },
): Promise<EventPage> {
  const events: PlacedEvent[] = [];
  let bytes = 0;
  let seen = 0;
  for await (const entry of entriesIn(history, options)) {
    for (const placed of eventsOf(entry)) {
      if (!isAfter(placed, options.after) || !options.keeps(placed)) continue;
      events.push(placed);
      bytes += placed.bytes;
      if (events.length >= options.size || bytes >= BYTES_PER_PAGE) {
        return { events, goOnAfter: placed };
      }
    }
    seen += 1;
    if (seen >= ENTRIES_PER_CALL_MAX) {
      return { events, goOnAfter: { index: entry.index, offset: Number.MAX_SAFE_INTEGER } };
    }
  }
  return { events, goOnAfter: undefined };
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

function pageOf(events: readonly PlacedEvent[], size: number): EventPage {
  let count = 0;
  let bytes = 0;
  for (const placed of events.slice(0, size)) {
    bytes += placed.bytes;
    if (count > 0 && bytes > BYTES_PER_PAGE) break;
    count += 1;
  }
  return {
    events: events.slice(0, count),
    goOnAfter: count < events.length ? events[count - 1] : undefined,
  };
}

function checkFromIndex(fromIndex: number): void {
  if (fromIndex >= -PAGE_SIZE_MAX) return;
  throw invalidField(
    "from_index",
    `${fromIndex} is not allowed: an index, 0 for the first that is kept, ` +
      `or -1 to -${PAGE_SIZE_MAX} for so many of the newest events`,
  );
}

function parsePosition(token: string): Position {
  const [index, offset] = token.split("-").map(Number);
  return { index: index ?? 0, offset: offset ?? 0 };
}

function isAfter(placed: PlacedEvent, position: Position | undefined): boolean {
  if (position === undefined || placed.index > position.index) return true;
  return placed.index === position.index && placed.offset > position.offset;
}
