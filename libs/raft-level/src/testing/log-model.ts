/**
 * What a log store should hold, in the most obvious way, for tests.
 *
 * Takes the same calls as the port and keeps plain arrays.
 */
import type { LogWrite, RecoveredLog } from "@atoll/raft-replica";
import type { Entry, HardState, LogPosition, SnapshotMetadata } from "raft-ts";

export class LogModel {
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  snapshot: SnapshotMetadata;
  content: Uint8Array = new Uint8Array();
  /**
   * The position before `entries`, which are never compacted here but for an installed snapshot.
   */
  begin: LogPosition = { index: 0, term: 0 };
  entries: Entry[] = [];
  compactedThrough = 0;

  constructor(founding: SnapshotMetadata) {
    this.snapshot = founding;
  }

  copy(): LogModel {
    const copy = new LogModel(this.snapshot);
    copy.hardState = this.hardState;
    copy.content = this.content;
    copy.begin = this.begin;
    copy.entries = [...this.entries];
    copy.compactedThrough = this.compactedThrough;
    return copy;
  }

  get last(): LogPosition {
    const entry = this.entries.at(-1);
    return entry === undefined ? this.begin : { index: entry.index, term: entry.term };
  }

  positionAt(index: number): LogPosition {
    return index === this.begin.index
      ? this.begin
      : { index, term: (this.entries[index - this.begin.index - 1] as Entry).term };
  }

  between(from: number, to: number): Entry[] {
    return this.entries.filter(({ index }) => index >= from && index < to);
  }

  write(write: LogWrite): void {
    this.hardState = write.hardState ?? this.hardState;
    const first = write.entries?.[0];
    if (first === undefined) return;
    this.entries.length = first.index - this.begin.index - 1;
    this.entries.push(...(write.entries as readonly Entry[]));
  }

  saveSnapshot(metadata: SnapshotMetadata, content: Uint8Array): void {
    if (metadata.index <= this.snapshot.index) return;
    this.snapshot = metadata;
    this.content = content;
  }

  install(metadata: SnapshotMetadata, content: Uint8Array, hardState: HardState): void {
    this.snapshot = metadata;
    this.content = content;
    this.hardState = hardState;
    this.begin = { index: metadata.index, term: metadata.term };
    this.entries = [];
    this.compactedThrough = metadata.index;
  }

  compact(through: number): void {
    const bounded = Math.min(through, this.snapshot.index);
    this.compactedThrough = Math.max(this.compactedThrough, bounded);
  }

  /** Says how `recovered` differs, or undefined. */
  difference(recovered: RecoveredLog): string | undefined {
    const { hardState, last, snapshot, firstIndex, tail, tailPrevious } = recovered;
    const same = (one: unknown, other: unknown): boolean =>
      JSON.stringify(one) === JSON.stringify(other);
    if (!same(hardState, this.hardState)) return `hard state ${JSON.stringify(hardState)}`;
    if (!same(last, this.last)) return `last ${JSON.stringify(last)}`;
    if (!same(snapshot, this.snapshot)) return `snapshot ${JSON.stringify(snapshot)}`;
    if (firstIndex > this.compactedThrough + 1) return `first index ${firstIndex}`;
    if (!same(tailPrevious, this.positionAt(tailPrevious.index))) return "the tail's begin";
    const wanted = this.between(tailPrevious.index + 1, Infinity);
    if (tail.length !== wanted.length) return `${tail.length} entries, not ${wanted.length}`;
    for (const [at, entry] of tail.entries()) {
      const other = wanted[at] as Entry;
      const equal =
        entry.index === other.index &&
        entry.term === other.term &&
        entry.type === other.type &&
        Buffer.compare(entry.data, other.data) === 0;
      if (!equal) return `entry ${entry.index}`;
    }
    return undefined;
  }
}
