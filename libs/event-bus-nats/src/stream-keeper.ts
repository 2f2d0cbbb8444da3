/**
 * Makes sure that the datacenter's stream is there as it should be, and lets it forget.
 *
 * The stream is a buffer, never the truth: it may be deleted and made anew at any time, since
 * agents keep every fact until Raft has committed it. Uses no feature newer than NATS 2.9. Used by
 * orchestrator-bus.ts and the reading.
 */
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import type { StreamConfig, StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { PAYLOAD_BYTES_MAX } from "@atoll/event-bus";
import { NoLeaderError } from "./administration.ts";
import type { Administration } from "./administration.ts";
import { describeError } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import type { Subjects } from "./subjects.ts";

/** A message is its payload and its headers. */
const MESSAGE_BYTES_MAX: number = PAYLOAD_BYTES_MAX + 4_096;
/**
 * A purge of the stream is cheap while it holds at most so many messages. Else the server (seen
 * with 2.9.10) walks, for each message that goes and shares a block of its file with ones that
 * stay, to the next of the same node: 0.8 s for ten thousand messages of a thousand nodes, and
 * nothing is taken in meanwhile.
 */
const CHEAP_MESSAGES_MAX = 2_000;
/** When nothing has come for so long, a purge keeps nobody waiting. */
const IDLE_MS = 1_000;

export interface StreamSettings {
  readonly bytesMax: number;
  /** How many servers of a NATS cluster keep it: 1, 3 or 5. */
  readonly replicas: number;
  /** Forgetting happens no more often than this. */
  readonly forgetEveryMs: number;
  /** It is put off for so long when it would keep agents waiting. */
  readonly forgetAtLatestMs: number;
}

/** What a reading must know of the stream. */
export interface StreamState {
  /** When it was created, as the server says. */
  readonly created: string;
  /** One more than the last when it is empty. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** How many servers keep it. */
  readonly replicas: number;
}

interface Forgettable {
  readonly created: string;
  readonly sequence: number;
  readonly left: number;
  readonly saidAtMs: number;
}

export class StreamKeeper {
  readonly #subjects: Subjects;
  readonly #settings: StreamSettings;
  readonly #log: BusLog;
  readonly #administration: Administration;
  #connection: NatsConnection | undefined;
  /** The furthest position to forget that is not yet forgotten. */
  #forget: Forgettable | undefined;
  #forgetTimer: NodeJS.Timeout | undefined;
  #forgotten: { readonly sequence: number; readonly atMs: number } = {
    sequence: 0,
    atMs: performance.now(),
  };
  #created = "";

  constructor(
    subjects: Subjects,
    settings: StreamSettings,
    administration: Administration,
    log: BusLog,
  ) {
    this.#subjects = subjects;
    this.#settings = settings;
    this.#administration = administration;
    this.#log = log;
  }

  open(connection: NatsConnection): void {
    this.#connection = connection;
    if (this.#forget !== undefined) this.#scheduleForget(0);
  }

  close(): void {
    this.#connection = undefined;
    clearTimeout(this.#forgetTimer);
    this.#forgetTimer = undefined;
  }

  /** Creates the stream, or puts its settings right. Throws what the server says against it. */
  async ensure(): Promise<StreamState> {
    const found = await this.#findLed();
    const wanted = this.#config();
    if (found === undefined) {
      const made = await this.#ask<StreamInfo>("CREATE", wanted);
      const { name: stream } = wanted;
      const { created } = made;
      if (created !== this.#created) {
        this.#log.info("made the stream of facts", { stream, created });
      }
      return this.#seen(made);
    }
    if (differs(found.config, wanted)) {
      const changed = await this.#ask<StreamInfo>("UPDATE", { ...found.config, ...wanted });
      this.#log.info("put the stream of facts right", { stream: wanted.name });
      return this.#seen(changed);
    }
    return this.#seen(found);
  }

  /** The stream as it is, or undefined when there is none. */
  async look(): Promise<StreamState | undefined> {
    const found = await this.#find();
    return found === undefined ? undefined : this.#seen(found);
  }

  /** Gives the stream up for a new, empty one, unless it is another one already. */
  async replace(created: string): Promise<void> {
    const found = await this.#find();
    if (found?.created === created) await this.#ask("DELETE");
  }

  /**
   * Forgets up to `sequence`, soon, or later when it would keep agents waiting; positions that come
   * meanwhile are joined.
   * @param left how many messages the stream has behind `sequence`
   */
  forget(created: string, sequence: number, left: number): void {
    const known = this.#forget;
    if (known?.created === created && known.sequence >= sequence) return;
    this.#forget = { created, sequence, left, saidAtMs: performance.now() };
    this.#scheduleForget(0);
  }

  #scheduleForget(delayMs: number): void {
    if (this.#forgetTimer !== undefined || this.#connection === undefined) return;
    this.#forgetTimer = setTimeout(() => void this.#forgetNow(), delayMs);
  }

  async #forgetNow(): Promise<void> {
    const connection = this.#connection;
    const position = this.#forget;
    if (position !== undefined && this.#isForgettable(position)) {
      this.#forget = undefined;
      this.#forgotten = { sequence: position.sequence, atMs: performance.now() };
      await this.#purge(position);
    }
    if (connection !== this.#connection) return;
    this.#forgetTimer = setTimeout(() => {
      this.#forgetTimer = undefined;
      if (this.#forget !== undefined) this.#scheduleForget(0);
    }, this.#settings.forgetEveryMs);
  }

  #isForgettable({ sequence, left, saidAtMs }: Forgettable): boolean {
    const nowMs = performance.now();
    return (
      sequence - this.#forgotten.sequence + left <= CHEAP_MESSAGES_MAX ||
      nowMs - saidAtMs >= IDLE_MS ||
      nowMs - this.#forgotten.atMs >= this.#settings.forgetAtLatestMs
    );
  }

  async #purge({ created, sequence }: Forgettable): Promise<void> {
    if (created !== this.#created) return;
    try {
      // The server keeps from `seq` on.
      await this.#ask("PURGE", { seq: sequence + 1 });
    } catch (error) {
      // The next position covers this one.
      this.#log.warn("the stream of facts does not forget", { error: describeError(error) });
    }
  }

  /**
   * Undefined also when no server leads it: a server outside of the cluster may say so before the
   * cluster says that it has none. To make it changes nothing when it is there.
   */
  async #findLed(): Promise<StreamInfo | undefined> {
    try {
      return await this.#find();
    } catch (error) {
      if (error instanceof NoLeaderError) return undefined;
      throw error;
    }
  }

  async #find(): Promise<StreamInfo | undefined> {
    try {
      return await this.#ask<StreamInfo>("INFO");
    } catch (error) {
      const missing =
        error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
      if (missing) return undefined;
      throw error;
    }
  }

  #ask<T>(verb: string, body?: object): Promise<T> {
    return this.#administration.ask<T>(`$JS.API.STREAM.${verb}.${this.#subjects.stream}`, body);
  }

  #seen(info: StreamInfo): StreamState {
    this.#created = info.created;
    return {
      created: info.created,
      firstSequence: info.state.first_seq,
      lastSequence: info.state.last_seq,
      replicas: info.config.num_replicas,
    };
  }

  #config(): StreamConfigWanted {
    return {
      name: this.#subjects.stream,
      subjects: [this.#subjects.all("fact")],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_bytes: this.#settings.bytesMax,
      max_msg_size: MESSAGE_BYTES_MAX,
      num_replicas: this.#settings.replicas,
    };
  }
}

type StreamConfigWanted = Pick<
  StreamConfig,
  | "name"
  | "subjects"
  | "storage"
  | "retention"
  | "discard"
  | "max_bytes"
  | "max_msg_size"
  | "num_replicas"
>;

function differs(found: StreamConfig, wanted: StreamConfigWanted): boolean {
  return (
    found.subjects.join() !== wanted.subjects.join() ||
    found.storage !== wanted.storage ||
    found.retention !== wanted.retention ||
    found.discard !== wanted.discard ||
    found.max_bytes !== wanted.max_bytes ||
    found.max_msg_size !== wanted.max_msg_size ||
    found.num_replicas !== wanted.num_replicas
  );
}
