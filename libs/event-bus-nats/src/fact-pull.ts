/**
 * Pulls messages from one consumer of the stream into a bounded buffer.
 *
 * One pull request at a time, the next as soon as it is used up and the buffer has room. Whatever
 * makes the consumer unfit (gone, silent, a gap in its numbering or in the stream's) is told once
 * by `broken`; the owner then makes a new consumer. What was read before is left out: a consumer on
 * a server that lags begins where that server ends. It never waits for a server that says nothing.
 * Used by fact-reader.ts.
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { createInbox, nanos } from "@nats-io/transport-node";
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX } from "@atoll/event-bus";
import type { StreamMessage } from "@atoll/event-bus";
import { guarded } from "./bus-log.ts";
import type { Foreign } from "./foreign.ts";
import { send } from "./send.ts";
import type { Subjects } from "./subjects.ts";

/** Messages asked for at once. With what is buffered, at most three batches are in memory. */
const PULL_MESSAGES: number = 2 * BATCH_MESSAGES_MAX;
const PULL_EXPIRES_MS = 30_000;
/** A waiting pull is told this often that the consumer lives. */
const HEARTBEAT_MS = 1_000;
/** A consumer that misses so many in a row is gone. */
const HEARTBEATS_MISSED_MAX = 3;

const STATUS_HEARTBEAT = 100;
const STATUS_EXPIRED = 408;
const STATUS_ENDED = 409;

export interface PullHooks {
  /** There is something to take. */
  arrived(): void;
  /** Nothing more will come. Called once. `gap` when the stream's numbering has one. */
  broken(reason: string, gap?: Gap): void;
  /** The gap that was to be passed was there again, and was passed. */
  passed(gap: Gap): void;
}

/** The messages between two sequences, both excluded, are not there. */
export interface Gap {
  readonly after: number;
  readonly before: number;
}

export interface PullTarget {
  readonly subjects: Subjects;
  readonly consumer: string;
  readonly inboxPrefix: string;
  /** Up to where the stream was read; undefined when its first message may have any sequence. */
  readonly after: number | undefined;
  /** A gap that another consumer had as well. */
  readonly knownGap: Gap | undefined;
}

export class FactPull {
  readonly #connection: NatsConnection;
  readonly #target: PullTarget;
  readonly #foreign: Foreign;
  readonly #hooks: PullHooks;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #request: Uint8Array;
  readonly #watchdog: NodeJS.Timeout;
  #buffer: StreamMessage[] = [];
  #taken = 0;
  #bufferedBytes = 0;
  /** The pull that is under way; its messages still to come. */
  #pull = 0;
  #left = 0;
  #consumerSequence = 0;
  /** Up to where the stream was read, by this consumer or before it. */
  #readThrough: number | undefined;
  /** Intervals without a word while a pull is under way. */
  #silence = 0;
  #over = false;
  /** The highest sequence seen, of messages not ours too, and how many the stream had behind it. */
  #lastSequence = 0;
  #pending = 0;

  constructor(connection: NatsConnection, target: PullTarget, foreign: Foreign, hooks: PullHooks) {
    this.#connection = connection;
    this.#target = target;
    this.#foreign = foreign;
    this.#hooks = hooks;
    this.#readThrough = target.after;
    this.#inbox = `${createInbox(target.inboxPrefix)}.`;
    this.#request = new TextEncoder().encode(
      JSON.stringify({
        batch: PULL_MESSAGES,
        max_bytes: BATCH_BYTES_MAX,
        expires: nanos(PULL_EXPIRES_MS),
        idle_heartbeat: nanos(HEARTBEAT_MS),
      }),
    );
    this.#subscription = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        guarded(() => (error === null ? this.#received(message) : this.#break(error.message)));
      },
    });
    this.#watchdog = setInterval(() => this.#watch(), HEARTBEAT_MS);
    this.#pullMore();
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** How many messages the stream had behind `lastSequence` when that was delivered. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether nothing waits to be taken. */
  get empty(): boolean {
    return this.#taken === this.#buffer.length;
  }

  /** Removes and returns the next messages, as many as fit one batch. */
  take(): StreamMessage[] {
    const start = this.#taken;
    let end = start;
    let bytes = 0;
    while (end < this.#buffer.length && end - start < BATCH_MESSAGES_MAX) {
      const size = (this.#buffer[end] as StreamMessage).payload.length;
      if (bytes + size > BATCH_BYTES_MAX && end > start) break;
      bytes += size;
      end += 1;
    }
    const messages = this.#buffer.slice(start, end);
    this.#taken = end;
    this.#bufferedBytes -= bytes;
    if (end === this.#buffer.length) {
      this.#buffer = [];
      this.#taken = 0;
    }
    this.#pullMore();
    return messages;
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watchdog);
    if (!this.#connection.isClosed()) this.#subscription.unsubscribe();
  }

  #pullMore(): void {
    const buffered = this.#buffer.length - this.#taken;
    const room = buffered < BATCH_MESSAGES_MAX && this.#bufferedBytes < BATCH_BYTES_MAX;
    if (this.#over || this.#left > 0 || !room) return;
    this.#pull += 1;
    this.#left = PULL_MESSAGES;
    this.#silence = 0;
    const { subjects, consumer } = this.#target;
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${subjects.stream}.${consumer}`;
    send(this.#connection, subject, this.#request, { reply: this.#inbox + this.#pull.toString() });
  }

  #received(message: Msg): void {
    if (this.#over) return;
    this.#silence = 0;
    const subject = message.subject;
    if (subject.startsWith(this.#inbox)) this.#status(message, subject.slice(this.#inbox.length));
    else this.#fact(message, subject);
  }

  #fact(message: Msg, subject: string): void {
    const place = parsePlace(message.reply ?? "");
    if (place === undefined) {
      this.#foreign.count(subject, message.data);
      return;
    }
    if (place.consumerSequence !== this.#consumerSequence + 1) {
      this.#break(`consumer went from ${this.#consumerSequence} to ${place.consumerSequence}`);
      return;
    }
    if (!this.#joins(place.streamSequence)) return;
    this.#consumerSequence = place.consumerSequence;
    this.#left -= 1;
    if (place.streamSequence > (this.#readThrough ?? 0)) this.#take(message, subject, place);
    this.#pullMore();
  }

  /** Whether nothing is missing before this sequence but what is known to be gone. */
  #joins(sequence: number): boolean {
    const after = this.#readThrough;
    if (after === undefined || sequence <= after + 1) return true;
    const gap = { after, before: sequence };
    const known = this.#target.knownGap;
    if (known?.after === after && known.before === sequence) {
      this.#hooks.passed(gap);
      return true;
    }
    this.#break(`the stream goes from ${after} to ${sequence}`, gap);
    return false;
  }

  #take(message: Msg, subject: string, place: Place): void {
    this.#readThrough = place.streamSequence;
    this.#lastSequence = place.streamSequence;
    this.#pending = place.pending;
    const node = this.#target.subjects.nodeOf("fact", subject);
    if (node === undefined) {
      this.#foreign.count(subject, message.data);
    } else {
      this.#buffer.push({ node, payload: message.data, sequence: place.streamSequence });
      this.#bufferedBytes += message.data.length;
    }
    this.#hooks.arrived();
  }

  #status(message: Msg, pull: string): void {
    if (pull !== this.#pull.toString()) return;
    const code = message.headers?.code ?? 0;
    if (code === STATUS_HEARTBEAT) return;
    // A pull that ended by time or size says what it left; one whose consumer is gone does not.
    const ended = message.headers?.has("Nats-Pending-Messages") ?? false;
    if ((code === STATUS_EXPIRED || code === STATUS_ENDED) && ended) {
      this.#left = 0;
      this.#pullMore();
      return;
    }
    this.#break(`the server ended the pull: ${code} ${message.headers?.description ?? ""}`);
  }

  #watch(): void {
    if (this.#left === 0) return;
    this.#silence += 1;
    if (this.#silence > HEARTBEATS_MISSED_MAX) this.#break("the consumer is silent");
  }

  #break(reason: string, gap?: Gap): void {
    if (this.#over) return;
    this.close();
    this.#hooks.broken(reason, gap);
  }
}

interface Place {
  readonly streamSequence: number;
  readonly consumerSequence: number;
  readonly pending: number;
}

/**
 * Where a message stands, from its reply subject: `$JS.ACK`, from 2.10 on perhaps domain and
 * account, then stream, consumer, deliveries, stream sequence, consumer sequence, time, pending.
 */
function parsePlace(reply: string): Place | undefined {
  if (!reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  const at = tokens.length <= 9 ? 5 : 7;
  const streamSequence = Number(tokens[at]);
  const consumerSequence = Number(tokens[at + 1]);
  const pending = Number(tokens[at + 3]);
  const sound = [streamSequence, consumerSequence, pending].every(Number.isSafeInteger);
  return sound ? { streamSequence, consumerSequence, pending } : undefined;
}
