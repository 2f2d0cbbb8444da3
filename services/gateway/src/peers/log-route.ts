/**
 * A way to read logs: a stream to one peer that serves them.
 *
 * One reader for each datacenter at a time. A route on which nothing was heard for a while, though
 * something is read, is closed: its link is gone, whatever TCP says.
 */
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { type FeedFrame, type FeedStart, fromProtoFrame } from "@atoll/federation";
import type { ReadRequest, ReadResponse } from "@atoll/proto/atoll/peer/v1/peer";
import { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { Clock } from "@atoll/stdx";
import type { FrameListener, FrameStream } from "./frame-stream.ts";

export interface LogListener {
  /** False: hold on until `release`. */
  frame(frame: FeedFrame): boolean;
  /** Nothing more comes this way. */
  ended(reason: string): void;
}

/** A source says where its log is when it had nothing else to say for a second or two. */
const SILENCE_MS_MAX = 5_000;
/** What a frame may be inflated to. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const inflate = promisify(inflateRaw);

export class LogRoute implements FrameListener<ReadResponse> {
  /** The datacenter of the peer. */
  readonly peer: string;
  readonly #clock: Clock;
  readonly #opened: () => void;
  readonly #gone: (reason: string) => void;
  readonly #readers = new Map<string, LogListener>();
  #stream: FrameStream<ReadRequest> | undefined;
  #heardMs: number;
  readonly #silence: NodeJS.Timeout;
  #last: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly peer: string;
    readonly clock: Clock;
    readonly opened: () => void;
    /** The stream is over. */
    readonly gone: (reason: string) => void;
  }) {
    this.peer = options.peer;
    this.#clock = options.clock;
    this.#opened = options.opened;
    this.#gone = options.gone;
    this.#heardMs = options.clock.monotonicMs();
    this.#silence = setInterval(() => this.#checkSilence(), SILENCE_MS_MAX / 5);
  }

  open(stream: FrameStream<ReadRequest>): void {
    this.#stream = stream;
    this.#opened();
  }

  /** Reads the log of `datacenter` from there; ends whoever read it before. */
  follow(datacenter: string, start: FeedStart, listener: LogListener): void {
    if (this.#readers.size === 0) this.#heardMs = this.#clock.monotonicMs();
    this.#readers.get(datacenter)?.ended("somebody else reads it");
    this.#readers.set(datacenter, listener);
    this.#stream?.write({ datacenter, request: { $case: "follow", value: start } });
  }

  leave(datacenter: string, listener: LogListener): void {
    if (this.#readers.get(datacenter) !== listener) return;
    this.#readers.delete(datacenter);
    this.#stream?.write({ datacenter, request: { $case: "leave", value: {} } });
    this.release();
  }

  /** Goes on after a listener held. */
  release(): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#stream?.release();
  }

  frame({ datacenter, response }: ReadResponse): void {
    this.#heardMs = this.#clock.monotonicMs();
    const listener = this.#readers.get(datacenter);
    if (listener === undefined || response === undefined) return;
    // Inflating takes another thread; what came later waits for it.
    this.#last = this.#last.then(async () => {
      const taken = await this.#unpack(response);
      if (this.#readers.get(datacenter) === listener) this.#pass(datacenter, listener, taken);
    });
  }

  closed(reason: string): void {
    clearInterval(this.#silence);
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    this.#gone(reason);
    for (const reader of readers) reader.ended(reason);
  }

  async #unpack(
    response: NonNullable<ReadResponse["response"]>,
  ): Promise<FeedFrame | Error | undefined> {
    try {
      switch (response.$case) {
        case "refusal":
          return new Error(response.value.reason);
        case "plain":
          return fromProtoFrame(response.value);
        case "deflated": {
          const bytes = await inflate(response.value, { maxOutputLength: FRAME_BYTES_MAX });
          return fromProtoFrame(FeedResponse.decode(bytes));
        }
      }
    } catch (cause) {
      return new Error("what came cannot be read", { cause });
    }
  }

  #pass(datacenter: string, listener: LogListener, taken: FeedFrame | Error | undefined): void {
    if (taken instanceof Error) {
      this.#readers.delete(datacenter);
      listener.ended(taken.message);
    } else if (taken !== undefined && !listener.frame(taken)) {
      this.#stream?.hold();
    }
  }

  #checkSilence(): void {
    if (this.#readers.size === 0 || this.#stream?.held === true) return;
    if (this.#clock.monotonicMs() - this.#heardMs < SILENCE_MS_MAX) return;
    this.#stream?.close("nothing was heard of it");
  }
}
