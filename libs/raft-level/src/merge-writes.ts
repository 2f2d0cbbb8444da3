/**
 * Folds several writes that wait for the disk into one.
 *
 * While one fsync is under way everything that arrives is collected; the next fsync takes all of
 * it. The result is what the writes would have left behind one after the other.
 */
import { assert } from "@atoll/stdx";
import type { LogWrite } from "@atoll/raft-replica";
import type { Entry, HardState } from "raft-ts";

export interface MergedWrite {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
}

export function mergeWrites(writes: readonly LogWrite[]): MergedWrite {
  let hardState: HardState | undefined;
  let entries: readonly Entry[] = [];
  let own: Entry[] | undefined;
  for (const write of writes) {
    hardState = write.hardState ?? hardState;
    const added = write.entries ?? [];
    const first = added[0];
    if (first === undefined) continue;
    const mergedFirst = entries[0];
    if (mergedFirst === undefined || first.index <= mergedFirst.index) {
      entries = added;
      own = undefined;
      continue;
    }
    const kept = first.index - mergedFirst.index;
    assert(kept <= entries.length, `entry ${first.index} leaves a gap in its batch`);
    own ??= [...entries];
    own.length = kept;
    for (const entry of added) own.push(entry);
    entries = own;
  }
  return { hardState, entries };
}
