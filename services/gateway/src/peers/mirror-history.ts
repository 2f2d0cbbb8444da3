/**
 * The log of another datacenter from an index on, as far as this gateway's disk holds it.
 */
import { decodeLogEntry } from "@atoll/codec";
import type { FeedItem, MirrorLog } from "@atoll/federation";
import { ApiError } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { EventHistory, HistoryBatch, HistoryEntry } from "../islands/event-history.ts";
import type { Mirror } from "../islands/mirror.ts";

const BATCH_BYTES_MAX = 512 * 1024;
/** A batch without entries is sent after as long, as a sign of life. */
const QUIET_MS = 1_000;

export class MirrorHistory implements EventHistory {
  readonly #log: MirrorLog;
  readonly #mirror: Mirror;

  constructor(log: MirrorLog, mirror: Mirror) {
    this.#log = log;
    this.#mirror = mirror;
  }

  async firstIndex(): Promise<number> {
    return this.#log.firstIndex;
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<HistoryBatch, void> {
    let next = from;
    while (!signal.aborted) {
      const items = next > this.#mirror.appliedIndex ? [] : await this.#items(next);
      if (items.length === 0) await this.#changed(signal);
      next = (items.at(-1)?.index ?? next - 1) + 1;
      yield { entries: items.flatMap(entryOf), next };
    }
  }

  async #items(from: number): Promise<readonly FeedItem[]> {
    const to = this.#mirror.appliedIndex + 1;
    const { error, items } = await new Promise<{
      error: Error | undefined;
      items: readonly FeedItem[];
    }>((resolve) => {
      const range = { from, to, maxBytes: BATCH_BYTES_MAX };
      this.#log.readEntries(range, (error, items) => resolve({ error, items }));
    });
    if (error === undefined) return items;
    if ((error as { code?: unknown }).code !== "COMPACTED") throw error;
    const first = this.#log.firstIndex;
    throw new ApiError(
      status.OUT_OF_RANGE,
      `index ${from} is not kept here; the first index kept is ${first}`,
      { reason: "INDEX_COMPACTED", metadata: { first_index: String(first) } },
    );
  }

  /** Resolves when something came, or after a quiet while. */
  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        end();
        signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, QUIET_MS);
      const end = this.#mirror.onChange(over);
      signal.addEventListener("abort", over, { once: true });
    });
  }
}

function entryOf({ index, data }: FeedItem): HistoryEntry[] {
  if (data.length === 0) return [];
  return [{ index, entry: decodeLogEntry(data), bytes: data.length }];
}
