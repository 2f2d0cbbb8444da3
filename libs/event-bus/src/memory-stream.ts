/**
 * The stored half of the in-memory bus: a bounded stream of messages with sequences.
 *
 * Follows a JetStream stream with limits retention and `discard: new`: sequences only grow, a full
 * stream refuses. It can be made to lose what it acknowledged. Used by memory-bus.ts alone.
 */
import { assert } from "@atoll/stdx";
import type { StreamMessage } from "./port.ts";

export class MemoryStream {
  /** Says which stream this is. */
  readonly created: string;
  readonly #bytesMax: number;
  #messages: StreamMessage[] = [];
  #bytes = 0;
  #lastSequence = 0;

  constructor(created: string, bytesMax: number) {
    assert(bytesMax > 0, `bytesMax ${bytesMax}`);
    this.created = created;
    this.#bytesMax = bytesMax;
  }

  /** The newest sequence ever given, 0 when there was none. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Stores a message. Returns false when the stream is full. */
  append(node: string, payload: Uint8Array): boolean {
    if (this.#bytes + payload.length > this.#bytesMax) return false;
    this.#lastSequence += 1;
    this.#messages.push({ node, payload, sequence: this.#lastSequence });
    this.#bytes += payload.length;
    return true;
  }

  /**
   * Messages behind `sequence` in order, as many as both bounds allow, at least one if there is
   * any.
   */
  after(
    sequence: number,
    bounds: { readonly messages: number; readonly bytes: number },
  ): StreamMessage[] {
    const start = this.#indexAfter(sequence);
    let end = start;
    let bytes = 0;
    while (end < this.#messages.length && end - start < bounds.messages) {
      bytes += (this.#messages[end] as StreamMessage).payload.length;
      if (bytes > bounds.bytes && end > start) break;
      end += 1;
    }
    return this.#messages.slice(start, end);
  }

  /** Forgets everything up to and including `sequence`. */
  forget(sequence: number): void {
    this.#keep(this.#messages.slice(this.#indexAfter(sequence)));
  }

  /** Loses messages for which `lost` holds, as a damaged disk does. */
  loseWhere(lost: (message: StreamMessage) => boolean): void {
    this.#keep(this.#messages.filter((message) => !lost(message)));
  }

  /**
   * Loses the newest `count` messages, as a power failure does: their sequences are given again.
   */
  loseTail(count: number): void {
    const kept = this.#messages.slice(0, Math.max(0, this.#messages.length - count));
    const lostFrom = this.#messages[kept.length];
    this.#keep(kept);
    if (lostFrom !== undefined) this.#lastSequence = lostFrom.sequence - 1;
  }

  #keep(messages: StreamMessage[]): void {
    this.#messages = messages;
    this.#bytes = 0;
    for (const message of messages) this.#bytes += message.payload.length;
  }

  #indexAfter(sequence: number): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#messages[middle] as StreamMessage).sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
