/**
 * Serves logs to a peer over one stream: the home's, and those that are mirrored here.
 *
 * A log that came here through the peer's own datacenter is refused to it: nobody feeds himself.
 */
import type { LogFeed } from "@atoll/federation";
import type { ReadRequest, ReadResponse } from "@atoll/proto/atoll/peer/v1/peer";
import type { FrameListener, FrameStream } from "./frame-stream.ts";
import { PackedSink } from "./packed-sink.ts";
import type { RateLimit } from "./rate-limit.ts";

/** A log that can be read here. */
export interface ServedLog {
  readonly feed: LogFeed;
  /** Through which datacenters it came here, the home's first; empty at home. */
  readonly way: readonly string[];
}

export class LogServer implements FrameListener<ReadRequest> {
  readonly #peer: string;
  readonly #find: (datacenter: string) => ServedLog | undefined;
  readonly #limit: RateLimit;
  readonly #gone: () => void;
  readonly #served = new Map<string, { readonly sink: PackedSink; readonly end: () => void }>();
  #stream: FrameStream<ReadResponse> | undefined;

  constructor(options: {
    /** The datacenter of who reads. */
    readonly peer: string;
    readonly find: (datacenter: string) => ServedLog | undefined;
    readonly limit: RateLimit;
    /** The stream is over. */
    readonly gone: () => void;
  }) {
    this.#peer = options.peer;
    this.#find = options.find;
    this.#limit = options.limit;
    this.#gone = options.gone;
  }

  /** Writes to `stream` from now on. */
  open(stream: FrameStream<ReadResponse>): void {
    this.#stream = stream;
  }

  frame({ datacenter, request }: ReadRequest): void {
    this.#end(datacenter);
    if (request?.$case !== "follow" || this.#stream === undefined) return;
    const log = this.#find(datacenter);
    const stream = this.#stream;
    if (log === undefined) {
      this.#refuse(datacenter, `nothing is known here of datacenter ${datacenter}`);
    } else if (log.way.includes(this.#peer)) {
      this.#refuse(datacenter, `what is known of it here came through ${this.#peer}`);
    } else {
      const sink = new PackedSink(datacenter, { stream, limit: this.#limit });
      const end = log.feed.serve(sink, request.value);
      this.#served.set(datacenter, { sink, end });
    }
  }

  closed(): void {
    for (const datacenter of this.#served.keys()) this.#end(datacenter);
    this.#gone();
  }

  /** The way of a log has changed: who reads it asks again. */
  reconsider(datacenter: string): void {
    if (!this.#served.has(datacenter)) return;
    this.#end(datacenter);
    this.#refuse(datacenter, "it comes another way now");
  }

  #end(datacenter: string): void {
    const served = this.#served.get(datacenter);
    if (served === undefined) return;
    this.#served.delete(datacenter);
    served.sink.end();
    served.end();
  }

  #refuse(datacenter: string, reason: string): void {
    this.#stream?.write({ datacenter, response: { $case: "refusal", value: { reason } } });
  }
}
