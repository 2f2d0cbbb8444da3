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
  /** It is served; the log passed these datacenters, its home's first, the peer's last. */
  following(way: readonly string[]): void;
  /** False: hold on until `release`. */
  frame(frame: FeedFrame): boolean;
  /** Nothing more comes this way. */
  ended(reason: string): void;
}

/** A source says where its log is when it had nothing else to say for a second or two. */
const SILENCE_MS_MAX = 5_000;
/** What a frame may be inflated to. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

type Response = NonNullable<ReadResponse["response"]>;

const inflate = promisify(inflateRaw);

interface Reader {
  readonly number: number;
  readonly listener: LogListener;
}

/** Frames that are inflated at a time; past it the stream is held. */
const UNDER_WAY_MAX = 16;

export class LogRoute implements FrameListener<ReadResponse> {
  /** The datacenter of the peer. */
  readonly peer: string;
  readonly #clock: Clock;
  readonly #opened: () => void;
  readonly #gone: (reason: string) => void;
  readonly #readers = new Map<string, Reader>();
  /** Listeners that have no room. */
  readonly #holding = new Set<LogListener>();
  #nextNumber = 1;
  /** Frames that are being inflated. */
  #underWay = 0;
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
    this.#readers.get(datacenter)?.listener.ended("somebody else reads it");
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    this.#readers.set(datacenter, { number, listener });
    this.#stream?.write({ datacenter, number, request: { $case: "follow", value: start } });
  }

  leave(datacenter: string, listener: LogListener): void {
    this.release(listener);
    const reader = this.#readers.get(datacenter);
    if (reader?.listener !== listener) return;
    this.#readers.delete(datacenter);
    const { number } = reader;
    this.#stream?.write({ datacenter, number, request: { $case: "leave", value: {} } });
  }

  /** A listener that held has room again. */
  release(listener: LogListener): void {
    this.#holding.delete(listener);
    this.#goOn();
  }

  frame({ datacenter, number, response }: ReadResponse): void {
    this.#heardMs = this.#clock.monotonicMs();
    const reader = this.#readers.get(datacenter);
    if (reader?.number !== number || response === undefined) return;
    this.#underWay += 1;
    if (this.#underWay >= UNDER_WAY_MAX) this.#stream?.hold();
    // Inflating takes another thread; what came later waits for it.
    this.#last = this.#last.then(async () => {
      const taken = await this.#unpack(response);
      this.#underWay -= 1;
      if (this.#readers.get(datacenter) === reader) this.#pass(datacenter, reader, taken);
      this.#goOn();
    });
  }

  closed(reason: string): void {
    clearInterval(this.#silence);
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    this.#holding.clear();
    this.#gone(reason);
    for (const { listener } of readers) listener.ended(reason);
  }

  async #unpack(response: Response): Promise<FeedFrame | readonly string[] | Error | undefined> {
    try {
      switch (response.$case) {
        case "refusal":
          return new Error(response.value.reason);
        case "following":
          return [...response.value.way, this.peer];
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

  #pass(
    datacenter: string,
    { listener }: Reader,
    taken: FeedFrame | readonly string[] | Error | undefined,
  ): void {
    if (taken === undefined) return;
    if (taken instanceof Error) {
      this.#readers.delete(datacenter);
      this.#holding.delete(listener);
      listener.ended(taken.message);
    } else if ("type" in taken) {
      if (listener.frame(taken)) return;
      this.#holding.add(listener);
      this.#stream?.hold();
    } else {
      listener.following(taken);
    }
  }

  #goOn(): void {
    if (this.#holding.size > 0 || this.#underWay >= UNDER_WAY_MAX) return;
    if (this.#stream?.held !== true) return;
    this.#heardMs = this.#clock.monotonicMs();
    this.#stream.release();
  }

  #checkSilence(): void {
    if (this.#readers.size === 0 || this.#stream?.held === true) return;
    if (this.#clock.monotonicMs() - this.#heardMs < SILENCE_MS_MAX) return;
    this.#stream?.close("nothing was heard of it");
  }
}
