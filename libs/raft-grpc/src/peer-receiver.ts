/**
 * Opens a stream to one peer and receives what that peer has to say, again and again.
 *
 *     connecting ──metadata──► established ──break──► waiting ──time──► connecting
 *          └───────refused, no answer in time, break──────┘
 *     any state ──close──► closed
 *
 * Each attempt has a channel of its own: grpc-js' channels wait by a schedule that is made for the
 * Internet, ours by one that fits a failover. A break after `established` is told at once, for the
 * system resets the connections of a killed process long before any timeout.
 */
import {
  Client,
  type ChannelCredentials,
  type ClientReadableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Clock, Prng } from "@atoll/stdx";
import type { Message, ReplicaId } from "raft-ts";
import { decodeFrame } from "./frame-decoder.ts";
import { helloMetadata, raftServiceDefinition } from "./raft-service.ts";

export interface PeerReceiverOptions {
  readonly self: ReplicaId;
  readonly peer: ReplicaId;
  readonly groupId: string;
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onEstablished: () => void;
  /** An established stream broke. */
  readonly onBroken: (reason: string) => void;
  /**
   * The peer does not want us, or sent what is no frame; `code` is the gRPC status where it gave
   * one.
   */
  readonly onRefused: (reason: string, code: number | undefined) => void;
  readonly onBadFrame: (reason: string) => void;
}

const CONNECT_TIMEOUT_MS = 2000;
const BACKOFF_MS_MIN = 20;
const BACKOFF_MS_MAX = 1000;
/**
 * A stream that lived this long was a good one: the next break starts with the shortest wait again.
 */
const STABLE_MS = 1000;
const RECEIVE_WINDOW_BYTES = 8 * 1024 * 1024;

const CHANNEL_OPTIONS = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.keepalive_time_ms": 5000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.max_receive_message_length": 4 * 1024 * 1024,
  "grpc-node.flow_control_window": RECEIVE_WINDOW_BYTES,
};

interface Attempt {
  readonly client: Client;
  readonly call: ClientReadableStream<Uint8Array>;
  readonly timeout: NodeJS.Timeout;
  establishedMs: number | undefined;
}

export class PeerReceiver {
  readonly #options: PeerReceiverOptions;
  #attempt: Attempt | undefined;
  #waiting: NodeJS.Timeout | undefined;
  #backoffMs: number = BACKOFF_MS_MIN;
  #closed = false;

  constructor(options: PeerReceiverOptions) {
    this.#options = options;
  }

  get established(): boolean {
    return this.#attempt?.establishedMs !== undefined;
  }

  /** Connects now. Cuts a wait short; does nothing when an attempt is under way. */
  connect(): void {
    if (this.#closed || this.#attempt !== undefined) return;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    const { address, credentials, groupId, self, peer } = this.#options;
    const client = new Client(address, credentials, CHANNEL_OPTIONS);
    const { path, requestSerialize, responseDeserialize } = raftServiceDefinition.receive;
    const metadata = helloMetadata({ groupId, receiver: self, sender: peer });
    const call = client.makeServerStreamRequest<Uint8Array, Uint8Array>(
      path,
      requestSerialize,
      responseDeserialize,
      new Uint8Array(),
      metadata,
    );
    const timeout = setTimeout(() => this.#end(attempt, "no answer in time"), CONNECT_TIMEOUT_MS);
    const attempt: Attempt = { client, call, timeout, establishedMs: undefined };
    this.#attempt = attempt;
    call.on("metadata", () => this.#established(attempt));
    call.on("data", (frame: Uint8Array) => this.#received(attempt, frame));
    call.on("error", (error: ServiceError) => this.#end(attempt, error.details, error.code));
    call.on("end", () => this.#end(attempt, "the peer ended the stream"));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#waiting);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt !== undefined) tearDown(attempt);
  }

  #established(attempt: Attempt): void {
    if (attempt !== this.#attempt || attempt.establishedMs !== undefined) return;
    clearTimeout(attempt.timeout);
    attempt.establishedMs = this.#options.clock.monotonicMs();
    this.#options.onEstablished();
  }

  #received(attempt: Attempt, frame: Uint8Array): void {
    if (attempt !== this.#attempt) return;
    const { peer, self, onMessages, onBadFrame } = this.#options;
    const decoded = decodeFrame(frame, peer, self);
    if ("reason" in decoded) {
      this.#backoffMs = BACKOFF_MS_MAX;
      onBadFrame(decoded.reason);
      this.#end(attempt, `a bad frame: ${decoded.reason}`);
      return;
    }
    if (decoded.length > 0) onMessages(decoded);
  }

  #end(attempt: Attempt, reason: string, code?: number): void {
    if (attempt !== this.#attempt) return;
    this.#attempt = undefined;
    tearDown(attempt);
    const { clock, prng, onBroken, onRefused } = this.#options;
    const { establishedMs } = attempt;
    if (establishedMs !== undefined && clock.monotonicMs() - establishedMs >= STABLE_MS) {
      this.#backoffMs = BACKOFF_MS_MIN;
    }
    const waitMs = this.#backoffMs / 2 + prng.below(Math.ceil(this.#backoffMs / 2));
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, this.#backoffMs * 2);
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      this.connect();
    }, waitMs);
    if (establishedMs !== undefined) onBroken(reason);
    else onRefused(reason, code);
  }
}

function tearDown(attempt: Attempt): void {
  clearTimeout(attempt.timeout);
  attempt.call.removeAllListeners();
  // A cancelled call still reports an error, which nobody is interested in any more.
  attempt.call.on("error", () => {});
  attempt.call.cancel();
  attempt.client.close();
}
