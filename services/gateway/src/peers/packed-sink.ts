/**
 * Puts the frames of one feed on a stream: compressed where that pays, and no faster than allowed.
 *
 * Frames leave in the order in which they came. A few are under way; then the feed waits. What the
 * stream holds back holds all feeds on it back.
 */
import { promisify } from "node:util";
import { constants, deflateRaw } from "node:zlib";
import { type FeedFrame, type FeedSink, toProtoFrame } from "@atoll/federation";
import type { ReadResponse } from "@atoll/proto/atoll/peer/v1/peer";
import { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { FrameStream } from "./frame-stream.ts";
import type { RateLimit } from "./rate-limit.ts";

const UNDER_WAY_MAX = 4;
/** Smaller ones are not worth it. */
const DEFLATE_BYTES_MIN = 512;
const DEFLATE_LEVEL = constants.Z_BEST_SPEED;

const deflate = promisify(deflateRaw);

export class PackedSink implements FeedSink {
  readonly #datacenter: string;
  readonly #number: number;
  readonly #stream: FrameStream<ReadResponse>;
  readonly #limit: RateLimit;
  #last: Promise<void> = Promise.resolve();
  #underWay = 0;
  #ended = false;
  #drained: (() => void)[] = [];

  /** @param number what the reader calls this feed. */
  constructor(
    datacenter: string,
    number: number,
    options: { readonly stream: FrameStream<ReadResponse>; readonly limit: RateLimit },
  ) {
    this.#datacenter = datacenter;
    this.#number = number;
    this.#stream = options.stream;
    this.#limit = options.limit;
  }

  get closed(): boolean {
    return this.#ended || this.#stream.closed;
  }

  write(frame: FeedFrame): boolean {
    this.#underWay += 1;
    const packed = pack(toProtoFrame(frame));
    this.#last = this.#last.then(async () => this.#send(await packed));
    return this.#underWay < UNDER_WAY_MAX;
  }

  whenDrained(then: () => void): void {
    if (this.#underWay < UNDER_WAY_MAX) then();
    else this.#drained.push(then);
  }

  fail(error: Error): void {
    if (this.closed) return;
    const response = { $case: "refusal", value: { reason: error.message } } as const;
    this.#stream.write({ datacenter: this.#datacenter, number: this.#number, response });
    this.#ended = true;
  }

  /** Nothing more of this feed is sent. */
  end(): void {
    this.#ended = true;
  }

  async #send(response: NonNullable<ReadResponse["response"]>): Promise<void> {
    if (!this.closed) {
      await this.#limit.take(bytesOf(response));
      const frame = { datacenter: this.#datacenter, number: this.#number, response };
      if (!this.closed && !this.#stream.write(frame)) {
        await new Promise<void>((resolve) => this.#stream.whenDrained(resolve));
      }
    }
    this.#underWay -= 1;
    const drained = this.#drained;
    this.#drained = [];
    for (const then of drained) then();
  }
}

async function pack(frame: FeedResponse): Promise<NonNullable<ReadResponse["response"]>> {
  const bytes = FeedResponse.encode(frame).finish();
  if (bytes.length < DEFLATE_BYTES_MIN) return { $case: "plain", value: frame };
  return { $case: "deflated", value: await deflate(bytes, { level: DEFLATE_LEVEL }) };
}

function bytesOf(response: NonNullable<ReadResponse["response"]>): number {
  return response.$case === "deflated" ? response.value.length : DEFLATE_BYTES_MIN;
}
