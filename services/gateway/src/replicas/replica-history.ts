/**
 * The datacenter's log from an index on, read from whichever replica still has it.
 *
 * Goes on at another replica when one breaks, without gap or repetition. An index that no replica
 * keeps any more is OUT_OF_RANGE, and the first that is kept is named.
 */
import { decodeLogEntry } from "@atoll/codec";
import type { FeedResponse, GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { ApiError } from "@atoll/service-kit";
import { type ClientReadableStream, status } from "@grpc/grpc-js";
import { setTimeout as delay } from "node:timers/promises";
import type { EventHistory, HistoryBatch, HistoryEntry } from "../islands/event-history.ts";
import type { ReplicaClients } from "./replica-clients.ts";

const PAUSE_MS = 200;
/** A replica sends its position when it has nothing else to send for a second or two. */
const SILENCE_MS_MAX = 4_000;

export class ReplicaHistory implements EventHistory {
  readonly #clients: ReplicaClients;
  readonly #preferred: () => number;
  readonly #groupId: () => string;

  constructor(options: {
    readonly clients: ReplicaClients;
    /** The replica to ask first. */
    readonly preferred: () => number;
    /** The group whose log callers mean. */
    readonly groupId: () => string;
  }) {
    this.#clients = options.clients;
    this.#preferred = options.preferred;
    this.#groupId = options.groupId;
  }

  /** The first index that some replica keeps. */
  async firstIndex(signal: AbortSignal): Promise<number> {
    for (;;) {
      const statuses = await this.#statuses();
      if (statuses.length > 0) return Math.min(...statuses.map(firstIndexOf));
      await pause(signal);
    }
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<HistoryBatch, void> {
    let next = from;
    while (!signal.aborted) {
      const replica = await this.#replicaWith(next);
      if (replica === undefined) {
        await pause(signal);
        continue;
      }
      const stream = this.#clients
        .client(replica)
        .feed({ fromIndex: next, groupId: this.#groupId() });
      function cancel(): void {
        stream.cancel();
      }
      signal.addEventListener("abort", cancel, { once: true });
      try {
        for await (const response of responses(stream)) {
          const batch = entriesOf(response, next);
          if (batch === undefined) break;
          next = batch.next;
          yield batch;
        }
      } finally {
        signal.removeEventListener("abort", cancel);
        stream.cancel();
      }
      await pause(signal);
    }
  }

  /** A replica that has entry `index`; undefined while none answers. */
  async #replicaWith(index: number): Promise<number | undefined> {
    const preferred = this.#preferred();
    const answer = await this.#clients.status(preferred);
    if (answer.type === "answered" && firstIndexOf(answer.status) <= index) return preferred;
    const statuses = await this.#statuses();
    const able = statuses.find((found) => firstIndexOf(found) <= index);
    if (able !== undefined) return able.id;
    if (statuses.length === 0) return undefined;
    const first = Math.min(...statuses.map(firstIndexOf));
    throw new ApiError(
      status.OUT_OF_RANGE,
      `index ${index} is no longer kept; the first index kept is ${first}`,
      { reason: "INDEX_COMPACTED", metadata: { first_index: String(first) } },
    );
  }

  async #statuses(): Promise<GetStatusResponse[]> {
    const answers = [...(await this.#clients.statuses()).values()];
    return answers.flatMap((answer) => (answer.type === "answered" ? [answer.status] : []));
  }
}

/** The frames of a feed until it ends or falls silent: the caller goes on elsewhere. */
async function* responses(
  stream: ClientReadableStream<FeedResponse>,
): AsyncGenerator<FeedResponse> {
  let silence: NodeJS.Timeout | undefined;
  try {
    silence = setTimeout(() => stream.cancel(), SILENCE_MS_MAX);
    for await (const response of stream) {
      // While the reader is busy the replica is not to blame.
      clearTimeout(silence);
      yield response as FeedResponse;
      silence = setTimeout(() => stream.cancel(), SILENCE_MS_MAX);
    }
  } catch {
    // A broken feed is no loss: what follows `next` is read again elsewhere.
  } finally {
    clearTimeout(silence);
  }
}

/** undefined when the replica no longer has what follows. */
function entriesOf({ content }: FeedResponse, next: number): HistoryBatch | undefined {
  if (content?.$case === "snapshot") return undefined;
  if (content?.$case !== "entries") return { entries: [], next };
  const entries: HistoryEntry[] = [];
  let after = next;
  for (const { index, data } of content.value.entries) {
    if (index < next) continue;
    after = index + 1;
    if (data.length > 0) entries.push({ index, entry: decodeLogEntry(data), bytes: data.length });
  }
  return { entries, next: after };
}

/** A log that holds nothing yet begins at 1. */
function firstIndexOf({ firstIndex }: GetStatusResponse): number {
  return Math.max(1, firstIndex);
}

async function pause(signal: AbortSignal): Promise<void> {
  await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
