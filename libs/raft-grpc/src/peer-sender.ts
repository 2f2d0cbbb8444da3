/**
 * Sends to one peer over the stream which that peer has opened.
 *
 * Holds messages back while much is on its way, so that what is urgent can pass what is large.
 * Without a stream messages are dropped. Frames are made at the end of the current turn: all that
 * one step of Raft says to a peer goes into one. A notice of a commit alone waits a moment for
 * company: under load the next entries carry it for nothing, and each frame less spares both sides
 * some 100 µs.
 */
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { Message } from "raft-ts";
import type { FrameEncoder } from "./frame-encoder.ts";
import { OutgoingQueue } from "./outgoing-queue.ts";

export type FrameStream = ServerWritableStream<Uint8Array, Uint8Array>;

/** Above this many bytes handed to the stream and not yet taken by it, messages wait. */
const IN_FLIGHT_BYTES_MAX = 2 * 1024 * 1024;

/** How long a notice waits for entries to ride with. Above 1 a timer of Node is no more exact. */
const NOTICE_WAIT_MS = 1;

export class PeerSender {
  readonly #encoder: FrameEncoder;
  readonly #queue: OutgoingQueue;
  #stream: FrameStream | undefined;
  #inFlightBytes = 0;
  #droppedUnconnected = 0;
  #flushing = false;
  #noticeTimer: NodeJS.Timeout | undefined;

  constructor(encoder: FrameEncoder, queueBytesMax: number) {
    this.#encoder = encoder;
    this.#queue = new OutgoingQueue(queueBytesMax);
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  /** The one that is written to; undefined while there is none. */
  get stream(): FrameStream | undefined {
    return this.#stream;
  }

  get dropped(): number {
    return this.#droppedUnconnected + this.#queue.dropped;
  }

  /** Takes `stream` in place of the one before, which is returned for its owner to end. */
  attach(stream: FrameStream): FrameStream | undefined {
    const before = this.#stream;
    this.#stream = stream;
    this.#inFlightBytes = 0;
    this.#queue.clear();
    return before;
  }

  /** Returns whether `stream` was the current one. */
  detach(stream: FrameStream): boolean {
    if (this.#stream !== stream) return false;
    this.#stream = undefined;
    this.#queue.clear();
    return true;
  }

  send(message: Message): void {
    if (this.#stream === undefined) {
      this.#droppedUnconnected += 1;
      return;
    }
    this.#queue.push(message);
    if (!this.#queue.hasWork) {
      this.#noticeTimer ??= setTimeout(() => {
        this.#noticeTimer = undefined;
        this.#flush();
      }, NOTICE_WAIT_MS);
      return;
    }
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** Lets go of the timer; nothing is sent afterwards. */
  close(): void {
    this.#stream = undefined;
    clearTimeout(this.#noticeTimer);
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    while (!this.#queue.isEmpty && this.#inFlightBytes < IN_FLIGHT_BYTES_MAX) {
      const frame = this.#encoder.encode(this.#queue.takeFrame());
      this.#inFlightBytes += frame.length;
      stream.write(frame, () => {
        if (this.#stream !== stream) return;
        this.#inFlightBytes -= frame.length;
        this.#flush();
      });
    }
  }
}
