/**
 * A page of a datacenter's history.
 *
 * Reads the log forward from where the page begins to where the log ended when the call came. A call looks at a bounded number
 * of entries; a filter that keeps little gives short pages, and a token to go on with.
 */
import type { ListEventsRequest, ListEventsResponse } from "@atoll/proto/atoll/v1/event";
import { type CallContext, invalidField } from "@atoll/service-kit";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { EventHistory } from "./event-history.ts";
import { eventFilterFields, eventsOf, type PlacedEvent, renderEvent } from "./event-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { PAGE_SIZE_MAX, pageSizeOf, pageToken, readPageToken } from "./pages.ts";

const ENTRIES_PER_CALL_MAX = 50_000;
/** How many entries the search for the newest events begins with, per event wanted. */
const WINDOW_FACTOR = 4;

interface Scan {
  readonly kept: readonly PlacedEvent[];
  /** The last entry that was looked at; the end when all were. */
  readonly through: number;
}

interface ScanOptions {
  readonly from: number;
  readonly end: number;
  readonly most: number;
  readonly keeps: Filter<PlacedEvent>;
  readonly signal: AbortSignal;
}

export async function listEvents(
  parts: HandlerParts & { readonly history: EventHistory },
  request: ListEventsRequest,
  context: CallContext,
): Promise<ListEventsResponse> {
  const { names, reads, history } = parts;
  names.checkParent(request.parent);
  checkFromIndex(request.fromIndex);
  const filter = compileFilter(request.filter, eventFilterFields(names));
  const list = ["events", request.parent, request.filter];
  const token = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await reads.begin(context.deadlineMs);
  const end = asOf.index;
  const { signal } = context;
  if (token === undefined && request.fromIndex < 0) {
    const wanted = -request.fromIndex;
    const kept = await newest(history, { wanted, end, keeps: filter, signal });
    return answer(kept.slice(0, size), kept.length > size ? kept[size - 1] : undefined);
  }
  const position = token === undefined ? undefined : parsePosition(token);
  const from = position?.index ?? (request.fromIndex || (await history.firstIndex(signal)));
  const keeps: Filter<PlacedEvent> = (placed) => isAfter(placed, position) && filter(placed);
  const scan = await scanForward(history, { from, end, most: size, keeps, signal });
  const last = scan.kept.at(-1);
  if (scan.kept.length >= size && last !== undefined) return answer(scan.kept, last);
  if (scan.through >= end) return answer(scan.kept, undefined);
  return answer(scan.kept, { index: scan.through, offset: Number.MAX_SAFE_INTEGER });

  function answer(
    kept: readonly PlacedEvent[],
    goOnAfter: Pick<PlacedEvent, "index" | "offset"> | undefined,
  ): ListEventsResponse {
    return {
      events: kept.map((placed) => renderEvent(placed, names)),
      nextPageToken:
        goOnAfter === undefined ? "" : pageToken(list, `${goOnAfter.index}-${goOnAfter.offset}`),
      asOf,
    };
  }
}

/** The newest `wanted` events that the filter keeps, in order. */
async function newest(
  history: EventHistory,
  options: Omit<ScanOptions, "from" | "most"> & { readonly wanted: number },
): Promise<readonly PlacedEvent[]> {
  const first = await history.firstIndex(options.signal);
  let window = Math.max(64, options.wanted * WINDOW_FACTOR);
  for (;;) {
    const from = Math.max(first, options.end - window + 1);
    const { kept } = await scanForward(history, { ...options, from, most: Infinity });
    if (kept.length >= options.wanted || from === first || window >= ENTRIES_PER_CALL_MAX) {
      return kept.slice(-options.wanted);
    }
    window = Math.min(ENTRIES_PER_CALL_MAX, window * WINDOW_FACTOR);
  }
}

async function scanForward(history: EventHistory, options: ScanOptions): Promise<Scan> {
  const { from, end, most, keeps, signal } = options;
  const kept: PlacedEvent[] = [];
  let through = from - 1;
  if (from > end) return { kept, through: end };
  for await (const batch of history.read(from, signal)) {
    for (const entry of batch.entries) {
      if (entry.index > end) return { kept, through: end };
      through = entry.index;
      for (const placed of eventsOf(entry)) {
        if (!keeps(placed)) continue;
        kept.push(placed);
        if (kept.length >= most) return { kept, through };
      }
      if (entry.index >= end) return { kept, through: end };
      if (through - from + 1 >= ENTRIES_PER_CALL_MAX) return { kept, through };
    }
    // Entries of Raft's own hold nothing: a batch may end the log without a last entry.
    if (batch.next > end) return { kept, through: end };
  }
  return { kept, through };
}

function checkFromIndex(fromIndex: number): void {
  if (fromIndex >= -PAGE_SIZE_MAX) return;
  throw invalidField(
    "from_index",
    `${fromIndex} is not allowed: an index, 0 for the first that is kept, or -1 to -${PAGE_SIZE_MAX} for so many of the newest events`,
  );
}

function parsePosition(token: string): { readonly index: number; readonly offset: number } {
  const [index, offset] = token.split("-").map(Number);
  return { index: index ?? 0, offset: offset ?? 0 };
}

function isAfter(
  placed: PlacedEvent,
  position: { readonly index: number; readonly offset: number } | undefined,
): boolean {
  if (position === undefined || placed.index > position.index) return true;
  return placed.index === position.index && placed.offset > position.offset;
}
