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
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import type { JetStreamManager, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { PAYLOAD_BYTES_MAX } from "@atoll/event-bus";
import { describeError } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import type { Subjects } from "./subjects.ts";

export const ADMINISTRATION_TIMEOUT_MS = 3_000;
/** Within it the stream knows a repeated key again. */
const DUPLICATE_WINDOW_MS = 120_000;
/** A message is its payload and its headers. */
const MESSAGE_BYTES_MAX: number = PAYLOAD_BYTES_MAX + 4_096;

export interface StreamSettings {
  readonly bytesMax: number;
  /** How many servers of a NATS cluster keep it: 1, 3 or 5. */
  readonly replicas: number;
  /** Forgetting happens no more often than this. */
  readonly forgetEveryMs: number;
}

/** What a reading must know of the stream. */
export interface StreamState {
  /** When it was created, as the server says. */
  readonly created: string;
  readonly lastSequence: number;
}

export class StreamKeeper {
  readonly #subjects: Subjects;
  readonly #settings: StreamSettings;
  readonly #log: BusLog;
  #connection: NatsConnection | undefined;
  #manager: Promise<JetStreamManager> | undefined;
  /** The furthest position to forget that is not yet forgotten. */
  #forget: { readonly created: string; readonly sequence: number } | undefined;
  #forgetTimer: NodeJS.Timeout | undefined;
  #created = "";

  constructor(subjects: Subjects, settings: StreamSettings, log: BusLog) {
    this.#subjects = subjects;
    this.#settings = settings;
    this.#log = log;
  }

  open(connection: NatsConnection): void {
    this.#connection = connection;
    this.#manager = jetstreamManager(connection, {
      checkAPI: false,
      timeout: ADMINISTRATION_TIMEOUT_MS,
    });
    if (this.#forget !== undefined) this.#scheduleForget(0);
  }

  close(): void {
    this.#connection = undefined;
    this.#manager = undefined;
    clearTimeout(this.#forgetTimer);
    this.#forgetTimer = undefined;
  }

  /** Creates the stream, or puts its settings right. Throws what the server says against it. */
  async ensure(): Promise<StreamState> {
    const manager = await this.#open();
    const found = await this.#find(manager);
    const wanted = this.#config();
    if (found === undefined) {
      const made = await manager.streams.add(wanted);
      this.#log.info("made the stream of facts", { stream: wanted.name, created: made.created });
      return this.#seen(made);
    }
    if (differs(found.config, wanted)) {
      const { name, ...changes } = wanted;
      const changed = await manager.streams.update(name, changes);
      this.#log.info("put the stream of facts right", { stream: name });
      return this.#seen(changed);
    }
    return this.#seen(found);
  }

  /** The stream as it is, or undefined when there is none. */
  async look(): Promise<StreamState | undefined> {
    const found = await this.#find(await this.#open());
    return found === undefined ? undefined : this.#seen(found);
  }

  /** Gives the stream up for a new, empty one, unless it is another one already. */
  async replace(created: string): Promise<void> {
    const manager = await this.#open();
    const found = await this.#find(manager);
    if (found?.created === created) await manager.streams.delete(this.#subjects.stream);
  }

  /** Forgets up to `sequence`, soon; positions that come meanwhile are joined. */
  forget(created: string, sequence: number): void {
    const known = this.#forget;
    if (known?.created === created && known.sequence >= sequence) return;
    this.#forget = { created, sequence };
    this.#scheduleForget(0);
  }

  #scheduleForget(delayMs: number): void {
    if (this.#forgetTimer !== undefined || this.#connection === undefined) return;
    this.#forgetTimer = setTimeout(() => void this.#forgetNow(), delayMs);
  }

  async #forgetNow(): Promise<void> {
    const connection = this.#connection;
    const position = this.#forget;
    this.#forget = undefined;
    try {
      if (position !== undefined && position.created === this.#created) {
        const manager = await this.#open();
        // The server keeps from `seq` on.
        await manager.streams.purge(this.#subjects.stream, { seq: position.sequence + 1 });
      }
    } catch (error) {
      // The next position covers this one.
      this.#log.warn("the stream of facts does not forget", { error: describeError(error) });
    }
    if (connection !== this.#connection) return;
    this.#forgetTimer = setTimeout(() => {
      this.#forgetTimer = undefined;
      if (this.#forget !== undefined) this.#scheduleForget(0);
    }, this.#settings.forgetEveryMs);
  }

  async #find(manager: JetStreamManager): Promise<StreamInfo | undefined> {
    try {
      return await manager.streams.info(this.#subjects.stream);
    } catch (error) {
      const missing =
        error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
      if (missing) return undefined;
      throw error;
    }
  }

  #open(): Promise<JetStreamManager> {
    return this.#manager ?? Promise.reject(new Error("not connected"));
  }

  #seen(info: StreamInfo): StreamState {
    this.#created = info.created;
    return { created: info.created, lastSequence: info.state.last_seq };
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
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
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
  | "duplicate_window"
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
    found.duplicate_window !== wanted.duplicate_window ||
    found.num_replicas !== wanted.num_replicas
  );
}
