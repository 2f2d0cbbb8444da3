/**
 * A `LogStore` in memory over a simulated disk, with the semantics of a real one.
 *
 * It keeps two images: what the process has written, which reads see, and what is durable, which a
 * crash leaves. A write is one batch of parts; one that was torn by a crash is dropped as a whole
 * at recovery. The durable image is open to checkers. Used by the simulations and as the reference
 * of the contract suite.
 */
import type { Prng } from "@atoll/stdx";
import { assert } from "@atoll/stdx";
import type { Done, EntryRange, LogStore, LogWrite, RecoveredLog } from "@atoll/raft-replica";
import type { Entry, HardState, Membership, SnapshotMetadata, Standing } from "raft-ts";
import { entryBytes } from "raft-ts";
import type { DiskSettings } from "./simulated-disk.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** One record on the disk. */
type Part =
  | { readonly type: "hardState"; readonly hardState: HardState }
  | { readonly type: "entry"; readonly entry: Entry; readonly replaces: boolean }
  | {
      readonly type: "snapshot";
      readonly metadata: SnapshotMetadata;
      readonly chunks: readonly Uint8Array[];
      readonly resetsLog: boolean;
    }
  | { readonly type: "compact"; readonly through: number }
  | { readonly type: "standing"; readonly standing: Standing };

/** All that a store holds. */
export class LogImage {
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  metadata: SnapshotMetadata;
  chunks: readonly Uint8Array[] = [];
  /** Entries from `firstIndex` on. */
  entries: Entry[] = [];
  firstIndex = 1;
  /** The term before the first entry. */
  previousTerm = 0;
  standing: Standing = "whole";

  constructor(membership: Membership) {
    this.metadata = { index: 0, term: 0, membership, sizeBytes: 0, checksum: 0 };
  }

  /** Forgets everything, as a store does whose folder was damaged or wiped. */
  clear(membership: Membership, standing: Standing): void {
    Object.assign(this, new LogImage(membership));
    this.standing = standing;
  }

  /** The same as it is now, for itself. */
  copy(): LogImage {
    const copy = Object.assign(new LogImage(this.metadata.membership), this);
    copy.entries = [...this.entries];
    return copy;
  }

  get lastIndex(): number {
    return this.firstIndex + this.entries.length - 1;
  }

  entryAt(index: number): Entry | undefined {
    return this.entries[index - this.firstIndex];
  }

  termAt(index: number): number | undefined {
    if (index === this.firstIndex - 1) return this.previousTerm;
    return this.entryAt(index)?.term;
  }

  take(part: Part): void {
    switch (part.type) {
      case "hardState":
        this.hardState = part.hardState;
        break;
      case "entry": {
        const { entry } = part;
        assert(entry.index <= this.lastIndex + 1, `entry ${entry.index} leaves a hole`);
        if (part.replaces) this.entries.length = entry.index - this.firstIndex;
        assert(entry.index === this.lastIndex + 1, `entry ${entry.index} overlaps`);
        this.entries.push(entry);
        break;
      }
      case "snapshot":
        this.#takeSnapshot(part.metadata, part.chunks, part.resetsLog);
        break;
      case "standing":
        this.standing = part.standing;
        break;
      case "compact": {
        const through = Math.min(part.through, this.metadata.index, this.lastIndex);
        if (through < this.firstIndex) break;
        this.previousTerm = this.termAt(through) as number;
        this.entries = this.entries.slice(through + 1 - this.firstIndex);
        this.firstIndex = through + 1;
        break;
      }
    }
  }

  #takeSnapshot(
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    resetsLog: boolean,
  ): void {
    if (resetsLog) {
      this.entries = [];
      this.firstIndex = metadata.index + 1;
      this.previousTerm = metadata.term;
    } else if (metadata.index <= this.metadata.index) {
      return;
    }
    this.metadata = metadata;
    this.chunks = chunks;
  }
}

/** The error of a read below the first index, or of a snapshot that was replaced. */
export class CompactedError extends Error {
  override name = "CompactedError";
  readonly code = "COMPACTED";
  readonly retryable = false;
}

export class MemoryLogStore implements LogStore {
  readonly disk: SimulatedDisk<Part>;
  /** What a crash leaves. Only for checkers. */
  readonly durable: LogImage;
  /** Writes that a crash tore and recovery dropped. */
  tornWrites = 0;
  /** Writes or parts of writes that a crash took. */
  lostWrites = 0;
  readonly #membership: Membership;
  #current: LogImage;
  #pendingWrites = 0;

  constructor(options: {
    readonly clock: VirtualClock;
    readonly prng: Prng;
    /** The founding members. */
    readonly membership: Membership;
  }) {
    this.#membership = options.membership;
    this.durable = new LogImage(options.membership);
    this.#current = new LogImage(options.membership);
    this.disk = new SimulatedDisk({
      clock: options.clock,
      prng: options.prng,
      commit: (parts) => {
        for (const part of parts) this.durable.take(part);
      },
    });
  }

  set diskSettings(settings: DiskSettings) {
    this.disk.settings = settings;
  }

  /** What the running process has written, durable or not. Only for checkers. */
  get current(): LogImage {
    return this.#current;
  }

  write(write: LogWrite, done: Done): void {
    const parts: Part[] = [];
    if (write.hardState !== undefined)
      parts.push({ type: "hardState", hardState: write.hardState });
    const entries = write.entries ?? [];
    const { standing } = write;
    for (let at = 0; at < entries.length; at += 1) {
      parts.push({ type: "entry", entry: entries[at] as Entry, replaces: at === 0 });
    }
    // Last, so that a crash never leaves it without what it vouches for.
    if (standing !== undefined) parts.push({ type: "standing", standing });
    this.#write(parts, done);
  }

  readEntries(
    range: { readonly from: number; readonly to: number; readonly maxBytes: number },
    done: (error: Error | undefined, range: EntryRange | undefined) => void,
  ): void {
    this.disk.read((failure) => {
      if (failure !== undefined) {
        done(failure, undefined);
        return;
      }
      const image = this.#current;
      if (range.from < image.firstIndex) {
        done(new CompactedError(`entry ${range.from} of ${image.firstIndex}`), undefined);
        return;
      }
      assert(range.from <= image.lastIndex + 1, `entry ${range.from} after ${image.lastIndex}`);
      const entries: Entry[] = [];
      let bytes = 0;
      for (let index = range.from; index < range.to; index += 1) {
        const entry = image.entryAt(index);
        if (entry === undefined) break;
        bytes += entryBytes(entry);
        if (entries.length > 0 && bytes > range.maxBytes) break;
        entries.push(entry);
      }
      const index = range.from - 1;
      done(undefined, { previous: { index, term: image.termAt(index) ?? 0 }, entries });
    });
  }

  saveSnapshot(metadata: SnapshotMetadata, chunks: readonly Uint8Array[], done: Done): void {
    this.#write([{ type: "snapshot", metadata, chunks, resetsLog: false }], done);
  }

  installSnapshot(
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    hardState: HardState,
    done: Done,
  ): void {
    const parts: Part[] = [
      { type: "hardState", hardState },
      { type: "snapshot", metadata, chunks, resetsLog: true },
    ];
    this.#write(parts, done);
  }

  readSnapshot(
    range: { readonly index: number; readonly offset: number; readonly maxBytes: number },
    done: (error: Error | undefined, chunk: Uint8Array | undefined) => void,
  ): void {
    this.disk.read((failure) => {
      if (failure !== undefined) {
        done(failure, undefined);
        return;
      }
      const { metadata, chunks } = this.durable;
      if (metadata.index !== range.index) {
        done(new CompactedError(`snapshot ${range.index}, kept is ${metadata.index}`), undefined);
        return;
      }
      const whole = new Uint8Array(metadata.sizeBytes);
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      done(undefined, whole.subarray(range.offset, range.offset + range.maxBytes));
    });
  }

  compact(through: number, done: Done): void {
    this.#write([{ type: "compact", through }], done);
  }

  /** Power is lost: what was not synced is gone but for a first part of it. */
  crash(): void {
    let found = 0;
    for (const { parts, torn } of this.disk.crash()) {
      found += 1;
      if (torn) {
        this.tornWrites += 1;
        continue;
      }
      for (const part of parts) this.durable.take(part);
    }
    this.lostWrites += this.#pendingWrites - found;
    this.#pendingWrites = 0;
  }

  /**
   * Puts a blank store in the place of one that was damaged ("recovering") or wiped ("blank").
   * Only while the replica is down.
   */
  rebuild(standing: Standing): void {
    this.durable.clear(this.#membership, standing);
  }

  /** Puts an earlier state of the disk in the place of what is durable. Only while it is down. */
  bringBack(earlier: LogImage): void {
    Object.assign(this.durable, earlier.copy());
  }

  /**
   * Opens after a crash or for the first time; gives at most `tailBytesMax` of the newest entries.
   */
  recover(tailBytesMax: number): RecoveredLog {
    const { hardState, metadata, entries, firstIndex, lastIndex, standing } = this.durable;
    this.#current = this.durable.copy();
    let start = entries.length;
    let bytes = 0;
    while (start > 0) {
      bytes += entryBytes(entries[start - 1] as Entry);
      if (bytes > tailBytesMax) break;
      start -= 1;
    }
    const tailPrevious = firstIndex + start - 1;
    return {
      hardState,
      snapshot: metadata,
      last: { index: lastIndex, term: this.durable.termAt(lastIndex) as number },
      firstIndex,
      tail: entries.slice(start),
      tailPrevious: { index: tailPrevious, term: this.durable.termAt(tailPrevious) as number },
      standing,
    };
  }

  #write(parts: Part[], done: Done): void {
    // An empty write is a sync all the same.
    for (const part of parts) this.#current.take(part);
    this.#pendingWrites += 1;
    this.disk.write(parts, (error) => {
      this.#pendingWrites -= 1;
      done(error);
    });
  }
}
