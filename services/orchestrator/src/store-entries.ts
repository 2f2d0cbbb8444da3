/**
 * Reads entries back from a position out of the log of a replica that runs.
 *
 * The store reads forward and the log may change meanwhile, so what was read is looked at before it
 * is given away. A read never begins behind what is committed, which is always there. Called for
 * peers that repair their logs.
 */
import type { EntriesUpTo, WantedEntries } from "@atoll/raft-level";
import type { EntryRange, LogStore, ReplicaStatus } from "@atoll/raft-replica";
import type { Entry } from "raft-ts";

/** Entries that are not committed yet are read at once, and Raft lets no more of them be. */
const UNCOMMITTED_BYTES_MAX = 64 * 1_048_576;

/** Undefined when the log has another entry there, or none. @throws what the store says. */
export async function storeEntriesUpTo(
  store: Pick<LogStore, "readEntries">,
  status: Pick<ReplicaStatus, "firstIndex" | "lastIndex" | "commitIndex">,
  wanted: WantedEntries,
): Promise<EntriesUpTo | undefined> {
  const { firstIndex, lastIndex, commitIndex } = status;
  const { from, to, termAtTo, bytesMax, countMax } = wanted;
  if (to < Math.max(from, firstIndex) || to > lastIndex) return undefined;
  const wantedCount = Math.min(countMax, to - Math.max(from, firstIndex) + 1);
  // What does not fit is asked for in halves.
  for (let count = wantedCount; count >= 1; count = Math.floor(count / 2)) {
    const first = to - count + 1;
    const begin = Math.min(first, commitIndex + 1);
    const maxBytes = begin < first ? UNCOMMITTED_BYTES_MAX : bytesMax;
    const range = await readEntries(store, { from: begin, to: to + 1, maxBytes });
    const last = range?.entries.at(-1);
    if (range === undefined || last === undefined) return undefined;
    if (last.index !== to) continue;
    if (last.term !== termAtTo) return undefined;
    const before = first === begin ? range.previous : range.entries[first - begin - 1];
    if (before === undefined) return undefined;
    const entries = range.entries.slice(first - begin);
    return endOf({ entries, previousTerm: before.term }, bytesMax);
  }
  return undefined;
}

/** The last of the entries that fit, one at least. */
function endOf({ entries, previousTerm }: EntriesUpTo, bytesMax: number): EntriesUpTo {
  let dropped = 0;
  let bytes = entries.reduce((sum, { data }) => sum + data.length, 0);
  while (bytes > bytesMax && dropped < entries.length - 1) {
    bytes -= (entries[dropped] as Entry).data.length;
    dropped += 1;
  }
  const before = entries[dropped - 1]?.term ?? previousTerm;
  return { entries: entries.slice(dropped), previousTerm: before };
}

function readEntries(
  store: Pick<LogStore, "readEntries">,
  range: { readonly from: number; readonly to: number; readonly maxBytes: number },
): Promise<EntryRange | undefined> {
  return new Promise((resolve, reject) => {
    store.readEntries(range, (error, found) => {
      if (error === undefined) resolve(found);
      else if ((error as { code?: unknown }).code === "COMPACTED") resolve(undefined);
      else reject(error);
    });
  });
}
