/**
 * What a leader knows of one follower, and what is under way to it.
 *
 * A follower is `probe`d with one message at a time until its log is known to agree, then sent
 * entries ahead of their acknowledgements (`replicate`), and brought up by a `snapshot` when what
 * it needs is compacted away. Invariant: `matchIndex < nextIndex`.
 */
import type { SnapshotMetadata } from "./entry.ts";

/** A snapshot on its way, chunk by chunk, one chunk at a time. */
export interface SnapshotTransfer {
  readonly metadata: SnapshotMetadata;
  /** Where the chunk that is under way begins. */
  offset: number;
  /** Ticks since that chunk was asked for or sent. */
  idleTicks: number;
}

export class Progress {
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** Durable at the follower up to here, as it said in this term. */
  matchIndex = 0;
  /** The first index to send next. */
  nextIndex: number;
  /** The highest commit index told. */
  commitSent = 0;
  /** What its disk knows to be committed, as it said in this term. */
  commitKnown = 0;
  /** It answered since the last check of the quorum. */
  active = true;
  /** It has lost what it promised and is not whole yet: it counts for no quorum. */
  recovering = false;
  /** It acknowledged something since the last heartbeat that a tick brought. */
  advanced = false;
  /** In `probe`: a message is out and unanswered. */
  paused = false;
  /** The load of entries that is under way for it; 0 for none. */
  loadRequest = 0;
  transfer: SnapshotTransfer | undefined;
  /** Last index and bytes of each message under way, oldest first. */
  #inFlightLast: number[] = [];
  #inFlightBytes: number[] = [];
  #bytes = 0;

  constructor(nextIndex: number) {
    this.nextIndex = nextIndex;
  }

  get inFlightMessages(): number {
    return this.#inFlightLast.length;
  }

  get inFlightBytes(): number {
    return this.#bytes;
  }

  /** Notes a message with entries up to `lastIndex`. */
  sent(lastIndex: number, bytes: number): void {
    this.#inFlightLast.push(lastIndex);
    this.#inFlightBytes.push(bytes);
    this.#bytes += bytes;
    this.nextIndex = lastIndex + 1;
  }

  /** Takes in that everything up to `index` is durable there. */
  acknowledged(index: number): void {
    if (index > this.matchIndex) {
      this.matchIndex = index;
      this.advanced = true;
    }
    if (this.nextIndex <= index) this.nextIndex = index + 1;
    let done = 0;
    while (done < this.#inFlightLast.length && (this.#inFlightLast[done] as number) <= index) {
      this.#bytes -= this.#inFlightBytes[done] as number;
      done += 1;
    }
    if (done > 0) {
      this.#inFlightLast.splice(0, done);
      this.#inFlightBytes.splice(0, done);
    }
  }

  /** It holds nothing of what it acknowledged. */
  forget(nextIndex: number): void {
    this.matchIndex = 0;
    this.commitSent = 0;
    this.commitKnown = 0;
    this.becomeProbe(nextIndex);
  }

  becomeProbe(nextIndex: number): void {
    this.#clear("probe");
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
  }

  becomeReplicate(): void {
    const nextIndex = this.nextIndex;
    this.#clear("replicate");
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
  }

  becomeSnapshot(metadata: SnapshotMetadata): void {
    this.#clear("snapshot");
    this.nextIndex = metadata.index + 1;
    this.transfer = { metadata, offset: 0, idleTicks: 0 };
  }

  #clear(state: "probe" | "replicate" | "snapshot"): void {
    this.state = state;
    this.paused = false;
    this.loadRequest = 0;
    this.transfer = undefined;
    this.#inFlightLast = [];
    this.#inFlightBytes = [];
    this.#bytes = 0;
  }
}
