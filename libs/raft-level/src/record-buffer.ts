/**
 * One buffer that serves for all records, as only one is written at a time.
 *
 * A record of a few hundred kilobytes for each fsync would otherwise be most of what the process
 * allocates. Used by `LevelLogStore` alone.
 */

/** A buffer for records up to this size is kept and used again. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

export class RecordBuffer {
  #kept: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

  /** Exactly `bytes`, with any content; the one given before is void. */
  take(bytes: number): Buffer {
    if (bytes > KEPT_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#kept.length) this.#kept = Buffer.allocUnsafeSlow(bytes * 2);
    return this.#kept.subarray(0, bytes);
  }
}
