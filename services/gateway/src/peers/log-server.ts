/**
 * Serves logs to a peer over one stream: the home's, and those that are mirrored here.
 *
 * A log that came here through the peer's own datacenter is refused to it: nobody feeds himself. So
 * is one that is not fed here now. And only the home says that its log is another one than the peer
 * knows.
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
  /** False: it is nobody's source now. */
  readonly isFed: boolean;
  /** The Raft group whose log it is. */
  readonly groupId: string;
}

interface Served {
  readonly sink: PackedSink;
  readonly number: number;
  readonly end: () => void;
}

export class LogServer implements FrameListener<ReadRequest> {
  readonly #peer: string;
  readonly #find: (datacenter: string) => ServedLog | undefined;
  readonly #limit: RateLimit;
  readonly #gone: () => void;
  readonly #served = new Map<string, Served>();
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

  frame({ datacenter, number, request }: ReadRequest): void {
    this.#end(datacenter);
    if (request?.$case !== "follow" || this.#stream === undefined) return;
    const log = this.#find(datacenter);
    const stream = this.#stream;
    const refusal = this.#refusal(datacenter, log, request.value.groupId);
    if (log === undefined || refusal !== undefined) {
      this.#refuse(datacenter, number, refusal ?? "");
      return;
    }
    const following = { $case: "following", value: { way: [...log.way] } } as const;
    stream.write({ datacenter, number, response: following });
    const sink = new PackedSink(datacenter, number, { stream, limit: this.#limit });
    const end = log.feed.serve(sink, request.value);
    this.#served.set(datacenter, { sink, number, end });
  }

  #refusal(datacenter: string, log: ServedLog | undefined, groupId: string): string | undefined {
    if (log === undefined) return `nothing is known here of datacenter ${datacenter}`;
    if (log.way.includes(this.#peer)) return `what is known of it here came through ${this.#peer}`;
    if (!log.isFed) return "it is not fed here now";
    const isOther = groupId !== "" && groupId !== log.groupId;
    if (log.way.length > 0 && isOther) return `here it is group ${log.groupId}`;
    return undefined;
  }

  closed(): void {
    for (const datacenter of this.#served.keys()) this.#end(datacenter);
    this.#gone();
  }

  /** The way of a log has changed: who reads it asks again. */
  reconsider(datacenter: string): void {
    const served = this.#served.get(datacenter);
    if (served === undefined) return;
    this.#end(datacenter);
    this.#refuse(datacenter, served.number, "it comes another way now");
  }

  #end(datacenter: string): void {
    const served = this.#served.get(datacenter);
    if (served === undefined) return;
    this.#served.delete(datacenter);
    served.sink.end();
    served.end();
  }

  #refuse(datacenter: string, number: number, reason: string): void {
    const response = { $case: "refusal", value: { reason } } as const;
    this.#stream?.write({ datacenter, number, response });
  }
}
