/**
 * One reading of the in-memory stream: batch after batch, the next one when the last one is done.
 *
 * A stream that lost its tail would give sequences a second time, so it is given up for a new one,
 * as the real adapter does. Used by memory-orchestrator.ts alone.
 */
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX } from "./limits.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { MemoryStream } from "./memory-stream.ts";
import type { StreamBatch } from "./port.ts";

export interface ReadableServer {
  stream(): MemoryStream;
  replaceStream(): void;
}

export class MemoryReading {
  readonly #link: MemoryLink;
  readonly #server: ReadableServer;
  readonly #handler: (batch: StreamBatch, ready: () => void) => void;
  /** What was handed over last. */
  #position: { readonly created: string; readonly sequence: number } | undefined;
  /** The handler has a batch and has not called `ready`. */
  #busy = false;
  /** A batch is under way to the handler. */
  #underWay = false;
  #stopped = false;

  constructor(
    link: MemoryLink,
    server: ReadableServer,
    after: { readonly created: string; readonly sequence: number } | undefined,
    handler: (batch: StreamBatch, ready: () => void) => void,
  ) {
    this.#link = link;
    this.#server = server;
    this.#position = after;
    this.#handler = handler;
  }

  /** The connection is there. */
  open(): void {
    const stream = this.#server.stream();
    const rewound =
      this.#position?.created === stream.created && stream.lastSequence < this.#position.sequence;
    if (rewound) this.#server.replaceStream();
    this.wake();
  }

  /** The connection is gone, and with it what was under way. */
  interrupt(): void {
    this.#underWay = false;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends the next batch if there is one and the handler waits for it. */
  wake(): void {
    if (this.#stopped || this.#busy || this.#underWay || !this.#link.connected) return;
    const stream = this.#server.stream();
    const after = this.#position?.created === stream.created ? this.#position.sequence : 0;
    const bounds = { messages: BATCH_MESSAGES_MAX, bytes: BATCH_BYTES_MAX };
    const messages = stream.after(after, bounds);
    if (messages.length === 0) return;
    this.#underWay = true;
    const batch = { created: stream.created, messages };
    this.#link.down("batch", () => this.#hand(batch));
  }

  #hand(batch: StreamBatch): void {
    this.#underWay = false;
    if (this.#stopped) return;
    const last = batch.messages[batch.messages.length - 1];
    if (last !== undefined) {
      this.#position = { created: batch.created, sequence: last.sequence };
    }
    this.#busy = true;
    let called = false;
    this.#handler(batch, () => {
      if (called) return;
      called = true;
      this.#busy = false;
      this.wake();
    });
  }
}
