/**
 * Asks JetStream's administration, and says when another server should be asked.
 *
 * Every server of a cluster hears each request, one should answer, and the first answer is the only
 * one that arrives. When a majority of the servers lost their stores, they make a cluster of their
 * own, and one that kept its store stays outside of it: it answers its own clients first, that
 * JetStream is unavailable, or with the stream as it was, which no server leads. So an answer
 * without a leader is no answer, and when none is one for longer than an election takes, the server
 * is left. A request never waits without a bound. Owned by orchestrator-bus.ts; used by the keeper
 * of the stream and the reading.
 */
import { JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { describeError } from "./bus-log.ts";

const TIMEOUT_MS = 3_000;
/** A server that says nothing of use for so long is left: an election takes 4 to 9 seconds. */
const PATIENCE_MS = 12_000;
/** It doubles with each server that is left for nothing. */
const PATIENCE_MAX_MS = 300_000;
/** "JetStream system temporarily unavailable": of the cluster, or of the stream. */
const NOT_AVAILABLE = 10_008;

interface Answer {
  readonly error?: ConstructorParameters<typeof JetStreamApiError>[0];
  /** These two in answers about a stream. */
  readonly config?: { readonly num_replicas?: number };
  readonly cluster?: { readonly leader?: string };
}

/** The stream is there, and no server leads it: an election, or a server outside of the cluster. */
export class NoLeaderError extends Error {
  override name = "NoLeaderError";
  readonly code = "NO_LEADER";
  readonly retryable = true;

  constructor() {
    super("it has no leader");
  }
}

export class Administration {
  /** Told to go to another server, and why. */
  readonly #leave: (reason: string) => void;
  #connection: NatsConnection | undefined;
  /** Since when this server says nothing of use. */
  #uselessSinceMs: number | undefined;
  #patienceMs = PATIENCE_MS;

  constructor(leave: (reason: string) => void) {
    this.#leave = leave;
  }

  open(connection: NatsConnection): void {
    this.#connection = connection;
    this.#uselessSinceMs = undefined;
  }

  close(): void {
    this.#connection = undefined;
  }

  /** @throws JetStreamApiError what the cluster says against it; another when it says nothing. */
  async ask<T>(subject: string, body?: object): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error("not connected");
    let answer: Answer;
    try {
      answer = await request(connection, subject, body);
      if (answer.error === undefined && !hasLeader(answer)) throw new NoLeaderError();
    } catch (error) {
      if (connection === this.#connection) this.#useless(describeError(error));
      throw error;
    }
    if (connection === this.#connection) {
      this.#uselessSinceMs = undefined;
      this.#patienceMs = PATIENCE_MS;
    }
    if (answer.error !== undefined) throw new JetStreamApiError(answer.error);
    return answer as T;
  }

  #useless(reason: string): void {
    const nowMs = performance.now();
    this.#uselessSinceMs ??= nowMs;
    if (nowMs - this.#uselessSinceMs < this.#patienceMs) return;
    this.#uselessSinceMs = undefined;
    this.#patienceMs = Math.min(2 * this.#patienceMs, PATIENCE_MAX_MS);
    this.#leave(reason);
  }
}

/** The first answer. Throws when it says no more than that there is no answer. */
async function request(
  connection: NatsConnection,
  subject: string,
  body: object | undefined,
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const message = await connection.request(subject, payload, { timeout: TIMEOUT_MS });
  const answer = message.json<Answer>();
  if (answer.error?.err_code === NOT_AVAILABLE) throw new JetStreamApiError(answer.error);
  return answer;
}

/** Always, when it is not about a stream of several servers. */
function hasLeader({ config, cluster }: Answer): boolean {
  return (config?.num_replicas ?? 1) === 1 || (cluster?.leader ?? "") !== "";
}
