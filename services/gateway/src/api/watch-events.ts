/**
 * Watches the history of one datacenter or of all, from an index of each on, without gap.
 *
 * Reads only as fast as the caller takes: nothing is queued here. Every message is of one
 * datacenter and says where to go on in all of them; a message without events is a sign of life.
 * Of a datacenter that comes while the watch lasts, or of which nothing was known, it shows what
 * happens from then on.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import type { WatchEventsRequest, WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import { ApiError, type CallContext, invalidField } from "@atoll/service-kit";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { compileFilter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { beginReads, isExact } from "./begin-read.ts";
import { EventPumps } from "./event-pumps.ts";
import { eventFilterFields } from "./event-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { ALL_DATACENTERS, parseParent } from "./parse-names.ts";
import { resumePoints } from "./resume.ts";

export async function watchEvents(
  { islands, watches }: HandlerParts,
  request: WatchEventsRequest,
  context: CallContext,
  stream: ServerWritableStream<WatchEventsRequest, WatchEventsResponse>,
): Promise<void> {
  const { parent, filter, fromIndex: index, resume } = request;
  const asked = islands.under(parent);
  for (const { names } of asked) compileFilter(filter, eventFilterFields(names));
  if (index < 0) {
    throw invalidField(
      "from_index",
      `${index} is not allowed: an index, or 0 for what comes from now on`,
    );
  }
  const points = resumePoints({ index, resume }, asked, islands);
  const asOf = await beginReads(asked, context);
  for (const [at, island] of asked.entries()) {
    const from = points.get(island) ?? 0;
    const end = asOf[at]?.index ?? 0;
    if (from > end + 1 && isExact(asOf[at])) throw beyondEnd(island, from, end);
  }
  using watch = watches.begin(stream);
  const several = parseParent(parent) === ALL_DATACENTERS;
  // They may have come and gone while it was read.
  const present = islands.under(parent);
  const main = several ? islands.home : (present[0] ?? islands.home);
  using pumps = new EventPumps({ watch, main, several });
  function add(island: Island): void {
    const keeps = compileFilter(filter, eventFilterFields(island.names));
    pumps.add(island, keeps, points.get(island) ?? fromNowOn(island, asOf));
  }
  for (const island of present) add(island);
  using _islands = islands.subscribe({
    added: (island) => {
      if (several) add(island);
    },
    removed: (island) => {
      pumps.remove(island);
      if (!several && island === main) watch.fail(islands.unknown(island.datacenter));
    },
  });
  watch.onQuiet(() => pumps.beat());
  await watch.ended;
}

/** The index behind what the read included; 0 while nothing is known. */
function fromNowOn({ datacenter, mirror }: Island, asOf: readonly AsOf[]): number {
  if (!mirror.synced) return 0;
  const read = asOf.find((one) => one.datacenter === datacenter);
  return (read === undefined || read.index === 0 ? mirror.appliedIndex : read.index) + 1;
}

function beyondEnd({ datacenter }: Island, from: number, end: number): ApiError {
  return new ApiError(
    status.OUT_OF_RANGE,
    `index ${from} is not written yet: the log ends at ${end}; 0 waits for what comes`,
    { reason: "INDEX_BEYOND_END", metadata: { datacenter, last_index: String(end) } },
  );
}
