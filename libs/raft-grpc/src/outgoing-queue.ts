/**
 * Messages to one peer that wait for room on its stream.
 *
 * Two lanes: what keeps a group together (votes, heartbeats, replies, reads) goes before what is
 * large (entries, snapshots). Both are bounded; what does not fit is dropped and counted, and Raft
 * sends again. Old small messages go first when there are too many, because newer ones say more.
 */
import type { Message } from "raft-ts";
import { FRAME_BYTES, MESSAGE_BYTES_MAX } from "./frame-layout.ts";
import { messageBytes } from "./frame-encoder.ts";

const URGENT_MAX = 1024;

interface Waiting {
  readonly message: Message;
  readonly bytes: number;
}

export class OutgoingQueue {
  readonly #bulkBytesMax: number;
  #urgent: Waiting[] = [];
  #bulk: Waiting[] = [];
  #bulkBytes = 0;
  #dropped = 0;

  /**
   * @param bulkBytesMax bound of the large lane; a single message may exceed it when the lane is
   * empty.
   */
  constructor(bulkBytesMax: number) {
    this.#bulkBytesMax = bulkBytesMax;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get isEmpty(): boolean {
    return this.#urgent.length === 0 && this.#bulk.length === 0;
  }

  push(message: Message): void {
    const waiting = { message, bytes: messageBytes(message) };
    if (waiting.bytes > MESSAGE_BYTES_MAX) {
      this.#dropped += 1;
    } else if (!isBulk(message)) {
      this.#urgent.push(waiting);
      if (this.#urgent.length <= URGENT_MAX) return;
      this.#urgent.shift();
      this.#dropped += 1;
    } else if (this.#bulk.length > 0 && this.#bulkBytes + waiting.bytes > this.#bulkBytesMax) {
      this.#dropped += 1;
    } else {
      this.#bulk.push(waiting);
      this.#bulkBytes += waiting.bytes;
    }
  }

  /** Removes the messages of the next frame; empty when nothing waits. */
  takeFrame(): readonly Message[] {
    const taken: Message[] = [];
    let bytes = take(this.#urgent, taken, 0);
    const before = bytes;
    bytes = take(this.#bulk, taken, bytes);
    this.#bulkBytes -= bytes - before;
    return taken;
  }

  /** Forgets everything, uncounted: the stream is gone and with it the sense of it. */
  clear(): void {
    this.#urgent = [];
    this.#bulk = [];
    this.#bulkBytes = 0;
  }
}

function isBulk(message: Message): boolean {
  if (message.type === "installSnapshot") return true;
  return message.type === "appendEntries" && message.entries.length > 0;
}

/**
 * Moves messages from `lane` to `taken` until a frame is full. Returns the bytes of the frame so
 * far.
 */
function take(lane: Waiting[], taken: Message[], begun: number): number {
  let bytes = begun;
  let count = 0;
  for (const waiting of lane) {
    if (taken.length > 0 && bytes + waiting.bytes > FRAME_BYTES) break;
    taken.push(waiting.message);
    bytes += waiting.bytes;
    count += 1;
  }
  lane.splice(0, count);
  return bytes;
}
