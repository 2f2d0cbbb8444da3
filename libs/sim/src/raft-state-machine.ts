/**
 * The state machine of simulated Raft groups: a few registers, and a digest of everything applied.
 *
 * Two replicas at one index must have the same digest. Snapshots carry registers, digest and a
 * filler whose size varies, so that transfers take several chunks. It refuses gaps and repeats.
 */
import { assert } from "@atoll/stdx";
import type { StateMachine, StateRestore } from "@atoll/raft-replica";
import type { Entry, SnapshotMetadata } from "raft-ts";
import { decodeCommand } from "./raft-commands.ts";

const HEADER_BYTES = 24;
const REGISTER_BYTES = 8;
const CHUNK_BYTES = 100;

export class DigestStateMachine implements StateMachine {
  appliedIndex = 0;
  restores = 0;
  #low = 0x811c9dc5;
  #high = 0x1b873593;
  /** By key, in the order of their first write. */
  readonly #registers = new Map<number, number>();
  /** Commands of this life that compared and found something else. */
  readonly #failed = new Set<number>();
  readonly #fillerBytesMax: number;
  readonly #applied: (entries: readonly Entry[], hashes: readonly number[]) => void;
  readonly #restored: () => void;

  /**
   * @param fillerBytesMax how large snapshots get, in bytes.
   * @param told of each batch applied, with a hash of the state after each of its entries, and of
   * each snapshot restored.
   */
  constructor(
    fillerBytesMax: number,
    told: {
      readonly applied: (entries: readonly Entry[], hashes: readonly number[]) => void;
      readonly restored: () => void;
    },
  ) {
    this.#fillerBytesMax = fillerBytesMax;
    this.#applied = told.applied;
    this.#restored = told.restored;
  }

  get digest(): string {
    const registers = [...this.#registers].map(([key, value]) => `${key}=${value}`).join(",");
    return `${this.#low.toString(16)}.${this.#high.toString(16)} ${registers}`;
  }

  /** What a register holds; undefined before the first write. */
  read(key: number): number | undefined {
    return this.#registers.get(key);
  }

  /** Whether a compare-and-set that was applied in this life found something else. */
  hasFailed(payload: number): boolean {
    return this.#failed.has(payload);
  }

  apply(entries: readonly Entry[]): void {
    const hashes: number[] = [];
    for (const entry of entries) {
      assert(
        entry.index === this.appliedIndex + 1,
        `applied ${entry.index} after ${this.appliedIndex}`,
      );
      this.appliedIndex = entry.index;
      this.#mix(entry.index);
      this.#mix(entry.term);
      for (const byte of entry.data) this.#mix(byte);
      if (entry.type === "data") this.#execute(entry.data);
      hashes.push(this.#high * 2 ** 21 + (this.#low >>> 11));
    }
    this.#applied(entries, hashes);
  }

  snapshot(): readonly Uint8Array[] {
    const fillerBytes = (this.#low >>> 8) % (this.#fillerBytesMax + 1);
    const registerBytes = this.#registers.size * REGISTER_BYTES;
    const bytes = new Uint8Array(HEADER_BYTES + registerBytes + fillerBytes);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.appliedIndex);
    view.setUint32(8, this.#low);
    view.setUint32(12, this.#high);
    view.setUint32(16, this.#registers.size);
    let at = HEADER_BYTES;
    for (const [key, value] of this.#registers) {
      view.setUint32(at, key);
      view.setUint32(at + 4, value);
      at += REGISTER_BYTES;
    }
    for (; at < bytes.length; at += 1) bytes[at] = (this.#high + at * 31) & 0xff;
    const chunks: Uint8Array[] = [];
    for (at = 0; at < bytes.length; at += CHUNK_BYTES) {
      chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
    }
    return chunks;
  }

  restore(metadata: SnapshotMetadata): StateRestore {
    const chunks: Uint8Array[] = [];
    return {
      take: (chunk) => void chunks.push(chunk),
      finish: () => this.#restore(metadata, chunks),
    };
  }

  #restore(metadata: SnapshotMetadata, chunks: readonly Uint8Array[]): void {
    const bytes = joined(metadata, chunks);
    const view = new DataView(bytes.buffer);
    this.appliedIndex = view.getFloat64(0);
    this.#low = view.getUint32(8);
    this.#high = view.getUint32(12);
    this.#registers.clear();
    let at = HEADER_BYTES;
    for (let left = view.getUint32(16); left > 0; left -= 1) {
      this.#registers.set(view.getUint32(at), view.getUint32(at + 4));
      at += REGISTER_BYTES;
    }
    assert(this.appliedIndex === metadata.index, `snapshot of ${this.appliedIndex}`);
    this.restores += 1;
    this.#restored();
  }

  #execute(data: Uint8Array): void {
    const command = decodeCommand(data);
    if (command === undefined) return;
    const { payload, kind, key, expected } = command;
    if (kind === "cas" && (this.#registers.get(key) ?? 0) !== expected) this.#failed.add(payload);
    else this.#registers.set(key, payload);
    // What the register holds is in every later hash.
    this.#mix(this.#registers.get(key) ?? 0);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ (value & 0xffff), 0x01000193) >>> 0;
    this.#high = (Math.imul(this.#high + value, 0x85ebca6b) ^ (this.#low >>> 15)) >>> 0;
  }
}

function joined(metadata: SnapshotMetadata, chunks: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  assert(sizeBytes === metadata.sizeBytes, `snapshot of ${sizeBytes}, not ${metadata.sizeBytes}`);
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
