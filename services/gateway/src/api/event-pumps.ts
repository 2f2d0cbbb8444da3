/**
 * Pumps the histories of one or many datacenters into one watch.
 *
 * Each history is read by itself, so that one that cannot be read now holds up no other; all wait
 * for the caller to take what was sent, and each message is sent when there is room for it alone.
 */
import type { WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import type { Filter } from "../filter/compile.ts";
import type { HistoryBatch } from "../islands/event-history.ts";
import type { Island } from "../islands/island.ts";
import { eventsOf, type PlacedEvent, renderEvent } from "./event-view.ts";
import { toResume } from "./resume.ts";
import type { Watch } from "./watches.ts";

/** Events and bytes of log per message; entries are not split. */
const EVENTS_PER_MESSAGE = 256;
const BYTES_PER_MESSAGE = 524_288;

interface Pump {
  /** Where the caller would go on; 0 while nothing is known of the datacenter. */
  next: number;
  readonly over: AbortController;
}

interface Piece {
  readonly events: WatchEventsResponse["events"];
  readonly next: number;
}

export class EventPumps implements Disposable {
  readonly #watch: Watch<WatchEventsResponse>;
  /** The one whose index the bare `resume_index` is. */
  readonly #main: Island;
  /** Over all datacenters. */
  readonly #several: boolean;
  readonly #pumps = new Map<Island, Pump>();
  #waiting: (() => void)[] = [];

  constructor(options: {
    readonly watch: Watch<WatchEventsResponse>;
    readonly main: Island;
    readonly several: boolean;
  }) {
    this.#watch = options.watch;
    this.#main = options.main;
    this.#several = options.several;
    this.#watch.onReady(() => this.#wake());
    this.#watch.ended.then(
      () => this[Symbol.dispose](),
      () => this[Symbol.dispose](),
    );
  }

  /** Sends what the filter keeps from `from` on; 0: from what comes once something is known. */
  add(island: Island, keeps: Filter<PlacedEvent>, from: number): void {
    const pump: Pump = { next: from, over: new AbortController() };
    this.#pumps.set(island, pump);
    this.#noteResume();
    this.#run(island, keeps, pump).catch((error: unknown) => {
      if (pump.over.signal.aborted || this.#watch.over) return;
      this.#watch.fail(error instanceof Error ? error : new Error(String(error)));
    });
  }

  remove(island: Island): void {
    this.#pumps.get(island)?.over.abort();
    this.#pumps.delete(island);
    this.#noteResume();
    this.#wake();
  }

  /** A sign of life. */
  beat(): void {
    this.#send([]);
  }

  [Symbol.dispose](): void {
    for (const { over } of this.#pumps.values()) over.abort();
    this.#wake();
  }

  async #run(island: Island, keeps: Filter<PlacedEvent>, pump: Pump): Promise<void> {
    const { signal } = pump.over;
    if (pump.next === 0) {
      await restored(island, signal);
      pump.next = island.mirror.appliedIndex + 1;
      this.#noteResume();
    }
    for await (const batch of island.history.read(pump.next, signal)) {
      for (const { events, next } of piecesOf(batch, keeps, island)) {
        await this.#room(signal);
        pump.next = next;
        if (events.length > 0) this.#send(events);
        else this.#noteResume();
      }
    }
  }

  #send(events: WatchEventsResponse["events"]): void {
    const resume = this.#noteResume();
    const { resumeIndex } = this.#watch;
    this.#watch.send({ events, resumeIndex, ...(resume === undefined ? {} : { resume }) });
  }

  /** Tells the watch where its caller would go on. */
  #noteResume(): WatchEventsResponse["resume"] {
    this.#watch.resumeIndex = this.#pumps.get(this.#main)?.next ?? 0;
    if (!this.#several) return undefined;
    const indexes = new Map<string, number>();
    for (const [{ datacenter }, { next }] of this.#pumps) {
      if (next > 0) indexes.set(datacenter, next);
    }
    this.#watch.resumeIndexes = indexes;
    return toResume(indexes);
  }

  /** Waits until the caller took what was sent. */
  async #room(signal: AbortSignal): Promise<void> {
    while (!this.#watch.ready) {
      if (this.#watch.over) this[Symbol.dispose]();
      signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    signal.throwIfAborted();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Waits until something is known of the datacenter. */
async function restored({ mirror }: Island, signal: AbortSignal): Promise<void> {
  while (!mirror.synced) {
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const unsubscribe = mirror.onChange(done);
      signal.addEventListener("abort", done, { once: true });
      function done(): void {
        unsubscribe();
        signal.removeEventListener("abort", done);
        resolve();
      }
    });
  }
}

function* piecesOf(
  batch: HistoryBatch,
  keeps: Filter<PlacedEvent>,
  { names }: Island,
): Iterable<Piece> {
  let events: Piece["events"][number][] = [];
  let bytes = 0;
  for (const entry of batch.entries) {
    for (const placed of eventsOf(entry)) {
      if (keeps(placed)) events.push(renderEvent(placed, names));
    }
    bytes += entry.bytes;
    if (events.length < EVENTS_PER_MESSAGE && bytes < BYTES_PER_MESSAGE) continue;
    yield { events, next: entry.index + 1 };
    events = [];
    bytes = 0;
  }
  yield { events, next: batch.next };
}
