/**
 * Messages to one peer that wait for room on its stream.
 *
 * Two lanes: what keeps a group together (votes, heartbeats, replies, reads) goes before what is
 * large (entries, snapshots). Both are bounded; what does not fit is dropped and counted, and Raft
 * sends again. Old small messages go first when there are too many, because newer ones say more.
 */
import type { AppendEntries, Message } from "raft-ts";
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
  #notice: AppendEntries | undefined;
  #dropped = 0;

  /** @param bulkBytesMax bound of the large lane; a lone message may exceed it. */
  constructor(bulkBytesMax: number) {
    this.#bulkBytesMax = bulkBytesMax;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get isEmpty(): boolean {
    return this.#notice === undefined && !this.hasWork;
  }

  /** Whether something waits that should not wait for company. */
  get hasWork(): boolean {
    return this.#urgent.length > 0 || this.#bulk.length > 0;
  }

  push(message: Message): void {
    if (isNotice(message)) {
      if (this.#notice !== undefined && !says(message, this.#notice))
        this.#pushUrgent(this.#notice);
      this.#notice = message;
    } else if (isBulk(message)) {
      this.#pushBulk(message);
    } else {
      this.#pushUrgent(message);
    }
  }

  /** Removes the messages of the next frame; empty when nothing waits. */
  takeFrame(): readonly Message[] {
    if (this.#notice !== undefined) {
      this.#pushUrgent(this.#notice);
      this.#notice = undefined;
    }
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
    this.#notice = undefined;
  }

  #pushUrgent(message: Message): void {
    this.#urgent.push({ message, bytes: messageBytes(message) });
    if (this.#urgent.length <= URGENT_MAX) return;
    this.#urgent.shift();
    this.#dropped += 1;
  }

  #pushBulk(message: Message): void {
    const bytes = messageBytes(message);
    const full = this.#bulk.length > 0 && this.#bulkBytes + bytes > this.#bulkBytesMax;
    if (full || bytes > MESSAGE_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#bulk.push({ message, bytes });
    this.#bulkBytes += bytes;
    if (this.#notice === undefined || message.type !== "appendEntries") return;
    if (says(message, this.#notice)) this.#notice = undefined;
  }
}

/** An AppendEntries without entries: tells a commit, or asks where logs agree. */
function isNotice(message: Message): message is AppendEntries {
  return message.type === "appendEntries" && message.entries.length === 0;
}

function isBulk(message: Message): boolean {
  return message.type === "installSnapshot" || message.type === "appendEntries";
}

/**
 * Whether `message` tells a follower all that `notice` would, and asks for no less of an answer.
 */
function says(message: AppendEntries, notice: AppendEntries): boolean {
  return (
    message.term === notice.term &&
    message.commitIndex >= notice.commitIndex &&
    message.previous.index >= notice.previous.index
  );
}

/** Moves messages from `lane` to `taken` until the frame is full. Returns its bytes so far. */
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
