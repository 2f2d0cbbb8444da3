/**
 * One reading of the stream of facts, for as long as its owner wants it.
 *
 * States: closed (no connection) → opening (making a consumer) → reading → opening …. Where it
 * stands is kept here, never in the server's consumer, which is made anew whenever anything is odd.
 * A gap in the stream is read once more by another consumer, as one server of a cluster may lack
 * what the others have; one that stands is counted, and agents send again what was in it. A stream
 * that lost its tail would give sequences a second time: it is given up for a new one, since agents
 * still have what was lost. Used by orchestrator-bus.ts alone.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { nanos } from "@nats-io/transport-node";
import type { StreamBatch } from "@atoll/event-bus";
import type { Administration } from "./administration.ts";
import { Backoff } from "./backoff.ts";
import { describeError, guarded } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import { FactPull } from "./fact-pull.ts";
import type { Gap } from "./fact-pull.ts";
import type { Foreign } from "./foreign.ts";
import type { StreamKeeper, StreamState } from "./stream-keeper.ts";
import type { Subjects } from "./subjects.ts";

const STOP_TIMEOUT_MS = 3_000;
const RETRY = { firstMs: 50, mostMs: 2_000 };
/** The server drops a consumer that nobody has pulled from for so long. */
const CONSUMER_INACTIVE_MS = 30_000;
/**
 * A stream of several servers must have lost its tail for so long before it is given up: a server
 * that has just become its leader may not yet have applied all that it holds. Longer than an
 * election, which takes 4 to 9 seconds.
 */
export const TAIL_LOST_MS = 10_000;
/**
 * When nothing came for so long it is asked whether the stream is still there: a server that kept
 * its store outside of the cluster keeps the consumer alive, too.
 */
const LOOK_EVERY_MS = 4_000;

export interface Position {
  readonly created: string;
  readonly sequence: number;
}

export interface ReaderParts {
  readonly subjects: Subjects;
  readonly inboxPrefix: string;
  readonly keeper: StreamKeeper;
  readonly administration: Administration;
  readonly foreign: Foreign;
  readonly log: BusLog;
  /** Told that reading works, or why not. */
  readonly state: (trouble: string | undefined) => void;
}

export class FactReader {
  readonly #parts: ReaderParts;
  readonly #handler: (batch: StreamBatch, ready: () => void) => void;
  readonly #backoff = new Backoff(RETRY);
  /** Behind what was handed over last. */
  #position: Position | undefined;
  #connection: NatsConnection | undefined;
  #pull: FactPull | undefined;
  #consumer = "";
  #created = "";
  /** Counts openings, so that a late answer to an old one is known. */
  #opening = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  /** Whether something came since the last look, and where the stream ended then. */
  #heard = false;
  #seenLast: number | undefined;
  /** The stream has been told to forget up to here. */
  #forgotten = 0;
  /** A gap that was seen once. */
  #gap: Gap | undefined;
  #missing = 0;
  /** Since when the stream ends before what was read of it. */
  #tailLostSinceMs: number | undefined;
  /** The owner has committed everything of the present stream up to here. */
  #doneThrough = 0;
  #busy = false;
  #handing = false;
  #stopped = false;

  constructor(
    parts: ReaderParts,
    after: Position | undefined,
    handler: (batch: StreamBatch, ready: () => void) => void,
  ) {
    this.#parts = parts;
    this.#position = after;
    this.#handler = handler;
  }

  /** Messages that were in the stream by its numbering and could not be read. */
  get missing(): number {
    return this.#missing;
  }

  /** The connection is there. */
  open(connection: NatsConnection): void {
    this.#connection = connection;
    void this.#begin();
  }

  /** The connection is gone, and with it the consumer. */
  close(): void {
    this.#connection = undefined;
    this.#abandon();
  }

  stop(): void {
    this.#stopped = true;
    const connection = this.#connection;
    const consumer = this.#consumer;
    this.close();
    if (connection === undefined || consumer === "") return;
    const subject = `$JS.API.CONSUMER.DELETE.${this.#parts.subjects.stream}.${consumer}`;
    connection.request(subject, undefined, { timeout: STOP_TIMEOUT_MS }).catch(() => {
      // It goes by itself when nobody pulls.
    });
  }

  /** The owner is done with everything up to `sequence`. */
  forget(created: string, sequence: number): void {
    if (created !== this.#created) return;
    this.#doneThrough = Math.max(this.#doneThrough, sequence);
    this.#forgetDone();
  }

  /**
   * Lets the stream forget what is done, and messages not ours behind it, which nobody else would.
   */
  #forgetDone(): void {
    const handedOver = this.#position?.created === this.#created ? this.#position.sequence : 0;
    const nothingWaits = this.#pull?.empty === true && this.#doneThrough >= handedOver;
    const behind = nothingWaits ? (this.#pull?.lastSequence ?? 0) : 0;
    const through = Math.max(this.#doneThrough, behind);
    if (through === 0) return;
    this.#forgotten = Math.max(this.#forgotten, through);
    const known = this.#pull?.lastSequence ?? 0;
    const left = Math.max(0, known - through) + (this.#pull?.pending ?? 0);
    this.#parts.keeper.forget(this.#created, through, left);
  }

  #abandon(): void {
    this.#opening += 1;
    clearTimeout(this.#retryTimer);
    clearInterval(this.#lookTimer);
    this.#seenLast = undefined;
    this.#pull?.close();
    this.#pull = undefined;
    this.#consumer = "";
  }

  async #begin(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const opening = this.#opening;
    const current = (): boolean => opening === this.#opening;
    try {
      const stream = await this.#settle();
      if (!current()) return;
      const consumer = await this.#makeConsumer(stream);
      if (!current()) return;
      // The consumer is of this very stream only if the stream is still the same one.
      if ((await this.#parts.keeper.ensure()).created !== stream.created) {
        throw new Error("the stream was replaced meanwhile");
      }
      if (!current()) return;
      guarded(() => this.#read(connection, stream, consumer));
    } catch (error) {
      if (!current()) return;
      const reason = describeError(error);
      this.#retry(reason);
      guarded(() => this.#parts.state(reason));
    }
  }

  /** The stream to read, after giving up one that lost what we have read of it. */
  async #settle(): Promise<StreamState> {
    const stream = await this.#parts.keeper.ensure();
    const position = this.#position;
    const rewound = position?.created === stream.created && stream.lastSequence < position.sequence;
    if (!rewound) {
      this.#tailLostSinceMs = undefined;
      return stream;
    }
    const nowMs = performance.now();
    this.#tailLostSinceMs ??= nowMs;
    if (stream.replicas > 1 && nowMs - this.#tailLostSinceMs < TAIL_LOST_MS) {
      throw new Error(`it ends at ${stream.lastSequence}, read up to ${position.sequence}`);
    }
    this.#tailLostSinceMs = undefined;
    this.#parts.log.warn("the stream of facts lost its tail and is made anew", {
      lastSequence: stream.lastSequence,
      readUpTo: position.sequence,
    });
    await this.#parts.keeper.replace(stream.created);
    return this.#parts.keeper.ensure();
  }

  async #makeConsumer(stream: StreamState): Promise<string> {
    const position = this.#position;
    const start = position?.created === stream.created ? position.sequence + 1 : 1;
    const made = await this.#parts.administration.ask<{ readonly name: string }>(
      `$JS.API.CONSUMER.CREATE.${this.#parts.subjects.stream}`,
      {
        stream_name: this.#parts.subjects.stream,
        config: {
          deliver_policy: "by_start_sequence",
          opt_start_seq: start,
          ack_policy: "none",
          replay_policy: "instant",
          inactive_threshold: nanos(CONSUMER_INACTIVE_MS),
          mem_storage: true,
          num_replicas: 1,
        },
      },
    );
    return made.name;
  }

  #read(connection: NatsConnection, stream: StreamState, consumer: string): void {
    const position = this.#position;
    const read = position?.created === stream.created ? position.sequence : undefined;
    if (this.#created !== stream.created) {
      this.#doneThrough = read ?? 0;
      this.#forgotten = 0;
    }
    this.#created = stream.created;
    this.#consumer = consumer;
    const { subjects, inboxPrefix, foreign } = this.#parts;
    const after = read === undefined ? undefined : Math.max(read, this.#forgotten);
    const target = { subjects, consumer, inboxPrefix, after, knownGap: this.#gap };
    this.#gap = undefined;
    this.#pull = new FactPull(connection, target, foreign, {
      arrived: () => {
        this.#heard = true;
        this.#handSoon();
      },
      broken: (reason, gap) => {
        this.#gap = gap;
        this.#retry(reason);
      },
      passed: (gap) => this.#passed(gap),
    });
    this.#lookTimer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#parts.state(undefined);
  }

  /**
   * Begins anew when the stream that is read is not the cluster's any more, or has held messages
   * since the last look that the consumer does not bring.
   */
  async #look(): Promise<void> {
    const known = this.#heard ? undefined : this.#seenLast;
    this.#seenLast = undefined;
    const quiet = !this.#heard && !this.#busy && this.#pull?.empty === true;
    this.#heard = false;
    if (!quiet) return;
    const opening = this.#opening;
    let stream: StreamState | undefined;
    try {
      stream = await this.#parts.keeper.look();
    } catch {
      // Nobody can tell; a server that never can is left.
      return;
    }
    if (opening !== this.#opening) return;
    // What it forgot before this reading is nothing to bring.
    const through = Math.max(this.#readThrough(), (stream?.firstSequence ?? 0) - 1);
    if (stream?.created !== this.#created) {
      this.#retry("the stream that was read is not there any more");
    } else if (!this.#heard && (known ?? 0) > through) {
      this.#retry(`the stream holds ${known}, its consumer ends at ${through}`);
    } else {
      this.#seenLast = stream.lastSequence;
    }
  }

  #readThrough(): number {
    const handedOver = this.#position?.created === this.#created ? this.#position.sequence : 0;
    return Math.max(handedOver, this.#pull?.lastSequence ?? 0);
  }

  #passed({ after, before }: Gap): void {
    this.#missing += before - after - 1;
    this.#parts.log.warn("the stream of facts lacks messages; agents send them again", {
      after,
      before,
    });
  }

  #retry(reason: string): void {
    this.#parts.log.warn("the reading of facts begins anew", { reason });
    this.#abandon();
    if (this.#stopped || this.#connection === undefined) return;
    this.#retryTimer = setTimeout(() => void this.#begin(), this.#backoff.nextMs());
  }

  /** After all that arrived in this turn of the loop, so that a batch holds what there is. */
  #handSoon(): void {
    if (this.#handing || this.#busy || this.#stopped) return;
    this.#handing = true;
    setImmediate(() => {
      this.#handing = false;
      this.#hand();
    });
  }

  #hand(): void {
    if (this.#busy || this.#stopped || this.#pull === undefined) return;
    const messages = this.#pull.take();
    const last = messages[messages.length - 1];
    this.#backoff.reset();
    if (last === undefined) {
      this.#forgetDone();
      return;
    }
    this.#position = { created: this.#created, sequence: last.sequence };
    this.#busy = true;
    let called = false;
    this.#handler({ created: this.#created, messages }, () => {
      if (called) return;
      called = true;
      this.#busy = false;
      this.#handSoon();
    });
  }
}
