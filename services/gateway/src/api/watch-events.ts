/**
 * Watches a datacenter's history from an index on, without gap.
 *
 * Reads from a replica only as fast as the caller takes: nothing is queued here. Every message says
 * where to go on; a message without events is a sign of life.
 */
import type { WatchEventsRequest, WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import { ApiError, type CallContext, invalidField } from "@atoll/service-kit";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { compileFilter } from "../filter/compile.ts";
import type { HistoryBatch } from "../islands/event-history.ts";
import { readDemandOf } from "./begin-read.ts";
import { eventFilterFields, eventsOf, renderEvent } from "./event-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import type { Watch } from "./watches.ts";

/** Events and bytes of log per message; entries are not split. */
const EVENTS_PER_MESSAGE = 256;
const BYTES_PER_MESSAGE = 524_288;

export async function watchEvents(
  { islands, watches }: HandlerParts,
  request: WatchEventsRequest,
  context: CallContext,
  stream: ServerWritableStream<WatchEventsRequest, WatchEventsResponse>,
): Promise<void> {
  const { names, reads, history } = islands.one(request.parent);
  const keeps = compileFilter(request.filter, eventFilterFields(names));
  if (request.fromIndex < 0) {
    throw invalidField(
      "from_index",
      `${request.fromIndex} is not allowed: an index, or 0 for what comes from now on`,
    );
  }
  const asOf = await reads.begin(readDemandOf(context));
  const from = request.fromIndex === 0 ? asOf.index + 1 : request.fromIndex;
  if (from > asOf.index + 1 && !asOf.stale) throw beyondEnd(from, asOf.index);
  using watch = watches.begin(stream);
  watch.resumeIndex = from;
  watch.onQuiet(() => watch.send({ events: [], resumeIndex: watch.resumeIndex }));
  const over = new AbortController();
  const ended = watch.ended.finally(() => over.abort());
  ended.catch(() => undefined);
  async function pump(): Promise<void> {
    for await (const batch of history.read(from, over.signal)) {
      for (const message of messagesOf(batch)) {
        await taken(watch, over.signal);
        watch.resumeIndex = message.resumeIndex;
        if (message.events.length > 0) watch.send(message);
      }
    }
  }
  function* messagesOf(batch: HistoryBatch): Iterable<WatchEventsResponse> {
    let events: WatchEventsResponse["events"][number][] = [];
    let bytes = 0;
    for (const entry of batch.entries) {
      for (const placed of eventsOf(entry)) {
        if (keeps(placed)) events.push(renderEvent(placed, names));
      }
      bytes += entry.bytes;
      if (events.length < EVENTS_PER_MESSAGE && bytes < BYTES_PER_MESSAGE) continue;
      yield { events, resumeIndex: entry.index + 1 };
      events = [];
      bytes = 0;
    }
    yield { events, resumeIndex: batch.next };
  }
  await Promise.race([ended, pump().catch((error: unknown) => failUnlessOver(watch, error))]);
  await ended;
}

/** Waits until the caller took what was sent. */
async function taken(watch: Watch<WatchEventsResponse>, signal: AbortSignal): Promise<void> {
  if (watch.ready) return;
  await new Promise<void>((resolve) => {
    watch.onReady(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  signal.throwIfAborted();
}

function failUnlessOver(watch: Watch<WatchEventsResponse>, error: unknown): void {
  if (!watch.over) watch.fail(error instanceof Error ? error : new Error(String(error)));
}

function beyondEnd(from: number, end: number): ApiError {
  return new ApiError(
    status.OUT_OF_RANGE,
    `index ${from} is not written yet: the log ends at ${end}; 0 waits for what comes`,
    { reason: "INDEX_BEYOND_END", metadata: { last_index: String(end) } },
  );
}
