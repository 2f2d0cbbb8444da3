/**
 * The state machine of simulated Raft groups: a digest of everything applied.
 *
 * Two replicas at one index must have the same digest. Snapshots carry the digest and a filler
 * whose size varies, so that transfers take several chunks. It refuses gaps and repeats.
 */
import { assert } from "@atoll/stdx";
import type { StateMachine } from "@atoll/raft-replica";
import type { Entry, SnapshotMetadata } from "raft-ts";

const HEADER_BYTES = 24;
const CHUNK_BYTES = 100;

export class DigestStateMachine implements StateMachine {
  appliedIndex = 0;
  restores = 0;
  #low = 0x811c9dc5;
  #high = 0x1b873593;
  readonly #fillerBytesMax: number;
  readonly #applied: (entries: readonly Entry[]) => void;

  /**
   * @param fillerBytesMax how large snapshots get, in bytes.
   * @param applied told of each batch.
   */
  constructor(fillerBytesMax: number, applied: (entries: readonly Entry[]) => void) {
    this.#fillerBytesMax = fillerBytesMax;
    this.#applied = applied;
  }

  get digest(): string {
    return `${this.#low.toString(16)}.${this.#high.toString(16)}`;
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(
        entry.index === this.appliedIndex + 1,
        `applied ${entry.index} after ${this.appliedIndex}`,
      );
      this.appliedIndex = entry.index;
      this.#mix(entry.index);
      this.#mix(entry.term);
      for (const byte of entry.data) this.#mix(byte);
    }
    this.#applied(entries);
  }

  snapshot(): readonly Uint8Array[] {
    const fillerBytes = (this.#low >>> 8) % (this.#fillerBytesMax + 1);
    const bytes = new Uint8Array(HEADER_BYTES + fillerBytes);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.appliedIndex);
    view.setUint32(8, this.#low);
    view.setUint32(12, this.#high);
    for (let at = HEADER_BYTES; at < bytes.length; at += 1)
      bytes[at] = (this.#high + at * 31) & 0xff;
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
    }
    return chunks;
  }

  restore(metadata: SnapshotMetadata, chunks: readonly Uint8Array[]): void {
    const header = new Uint8Array(HEADER_BYTES);
    let at = 0;
    for (const chunk of chunks) {
      for (const byte of chunk) {
        if (at < HEADER_BYTES) header[at] = byte;
        at += 1;
      }
    }
    assert(at === metadata.sizeBytes, `snapshot of ${at} bytes instead of ${metadata.sizeBytes}`);
    const view = new DataView(header.buffer);
    this.appliedIndex = view.getFloat64(0);
    this.#low = view.getUint32(8);
    this.#high = view.getUint32(12);
    assert(this.appliedIndex === metadata.index, `snapshot of ${this.appliedIndex}`);
    this.restores += 1;
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ (value & 0xffff), 0x01000193) >>> 0;
    this.#high = (Math.imul(this.#high + value, 0x85ebca6b) ^ (this.#low >>> 15)) >>> 0;
  }
}
