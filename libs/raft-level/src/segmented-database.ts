/**
 * The log's records in one LevelDB after another, everything else in one of its own.
 *
 * LevelDB writes what it keeps twice, first to its log file and then, once its memory is full, to
 * table files, and it merges those again and again when new keys or deletions lie among old ones. A
 * Raft log only grows at its end and shrinks at its begin. So each segment stays within LevelDB's
 * memory and is closed when it is full, which leaves its log file alone: bytes are written once. A
 * segment that is compacted goes as a folder, without deletions. A closed one is opened again when
 * it is read, which is rare: peers and feeds mostly want what is new.
 *
 *     meta/               identity, state, snapshot chunks; its lock guards the whole folder
 *     segment-00000001/   records, ascending from segment to segment
 *     removed-00000001/   on its way out
 */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "@atoll/stdx";
import type { Database, DatabasePut, KeyPage, KeyRange } from "./database.ts";
import { recordRange, sequenceOfKey } from "./keys.ts";
import { LevelDatabase } from "./level-database.ts";
import { META_FOLDER } from "./log-folder.ts";
import { syncFolder } from "./sync-folder.ts";

export interface SegmentedDatabaseOptions {
  /** Whether a folder without a database gets one, or is refused. */
  readonly createIfMissing: boolean;
  /** A segment takes records until it has so many bytes. Default 64 MiB. */
  readonly segmentBytesMax?: number;
}

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
const META_BUFFER_BYTES = 4 * 1024 * 1024;
/** How many segments are opened at a time at start. */
const OPENING_MAX = 4;

interface Segment {
  readonly number: number;
  /** Undefined while closed. Settles late when closing or opening is under way. */
  database: Promise<LevelDatabase | undefined>;
  /** Of its records; `last` below `first` when it has none. */
  first: number;
  last: number;
  bytes: number;
}

export class SegmentedDatabase implements Database {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #meta: LevelDatabase;
  /** Ascending; the last one is written to. */
  #segments: Segment[] = [];
  /** The segment after the last, made ahead so that no write waits for it. */
  #spare: Promise<Segment> | undefined;
  #nextNumber = 1;

  private constructor(folder: string, bytesMax: number, meta: LevelDatabase) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#meta = meta;
  }

  /** @throws what `LevelDatabase.open` throws. */
  static async open(folder: string, options: SegmentedDatabaseOptions): Promise<SegmentedDatabase> {
    const meta = await LevelDatabase.open(join(folder, META_FOLDER), {
      createIfMissing: options.createIfMissing,
      writeBufferBytes: META_BUFFER_BYTES,
    });
    const bytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX;
    const database = new SegmentedDatabase(folder, bytesMax, meta);
    try {
      await database.#openSegments();
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const sequence = sequenceOfKey(key);
    if (sequence === undefined) return this.#meta.get(key);
    const segment = this.#segments.find(({ first, last }) => first <= sequence && sequence <= last);
    if (segment === undefined) return undefined;
    return (await this.#reopened(segment)).get(key);
  }

  /** Records come one at a time, in order. */
  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    const sequence = sequenceOfKey(key);
    if (sequence === undefined) return this.#meta.put(key, value);
    const segment = await this.#segmentFor(value.length);
    assert(sequence > segment.last, `record ${sequence} after ${segment.last}`);
    await (await this.#reopened(segment)).put(key, value);
    if (segment.last < segment.first) segment.first = sequence;
    segment.last = sequence;
    segment.bytes += value.length;
    if (segment.bytes > this.#bytesMax / 2 && this.#spare === undefined) {
      this.#spare = this.#makeSegment();
      // Whoever needs it hears of the failure.
      this.#spare.catch(() => {});
    }
    return undefined;
  }

  async putAll(pairs: readonly DatabasePut[]): Promise<void> {
    assert(
      pairs.every(({ key }) => sequenceOfKey(key) === undefined),
      "records are put one by one",
    );
    await this.#meta.putAll(pairs);
  }

  async *scan(range: KeyRange, pageMax: number): AsyncIterable<KeyPage> {
    if (sequenceOfKey(range.from) === undefined) {
      yield* this.#meta.scan(range, pageMax);
      return;
    }
    for (const segment of this.#segments) {
      yield* (await this.#reopened(segment)).scan(range, pageMax);
    }
  }

  async remove(range: KeyRange): Promise<void> {
    const from = sequenceOfKey(range.from);
    if (from === undefined) return this.#meta.remove(range);
    for (const segment of this.#segments) {
      if (segment.last < from) continue;
      await (await this.#reopened(segment)).remove(range);
      segment.last = Math.min(segment.last, from - 1);
    }
    return undefined;
  }

  async forgetRecords(sequence: number): Promise<void> {
    while (this.#segments.length > 1 && (this.#segments[0] as Segment).last < sequence) {
      const segment = this.#segments.shift() as Segment;
      await (await segment.database)?.close();
      await this.#removeFolder(segment.number);
    }
  }

  async close(): Promise<void> {
    const spare = await this.#spare?.catch(() => undefined);
    const segments = spare === undefined ? this.#segments : [...this.#segments, spare];
    for (const { database } of segments) {
      const opened = await database.catch(() => undefined);
      await opened?.close();
    }
    await this.#meta.close();
  }

  async #openSegments(): Promise<void> {
    const names = await readdir(this.#folder);
    for (const name of names.filter((each) => each.startsWith("removed-"))) {
      await rm(join(this.#folder, name), { recursive: true });
    }
    const numbers = names
      .map((name) => /^segment-([0-9]{8,})$/.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .toSorted((one, other) => one - other);
    this.#nextNumber = (numbers.at(-1) ?? 0) + 1;
    for (let at = 0; at < numbers.length; at += OPENING_MAX) {
      const opening = numbers.slice(at, at + OPENING_MAX).map((number) => this.#openFound(number));
      const settled = await Promise.allSettled(opening);
      for (const result of settled) {
        if (result.status === "fulfilled" && result.value) this.#segments.push(result.value);
      }
      const failed = settled.find(({ status }) => status === "rejected");
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    }
    if (this.#segments.length === 0) this.#segments.push(await this.#makeSegment());
  }

  /** Opens a segment that was there; undefined for one that a crash left without any content. */
  async #openFound(number: number): Promise<Segment | undefined> {
    const path = this.#path(number);
    const files = await readdir(path);
    if (!files.includes("CURRENT") && !files.some((file) => file.endsWith(".ldb"))) {
      const sizes = await Promise.all(
        files.filter((file) => file.endsWith(".log")).map((file) => stat(join(path, file))),
      );
      if (sizes.every(({ size }) => size === 0)) {
        await this.#removeFolder(number);
        return undefined;
      }
    }
    const database = await this.#openLevel(number, false);
    const ends = await database.ends(recordRange(0));
    const sizes = await Promise.all(
      (await readdir(path)).map((file) => stat(join(path, file)).catch(() => undefined)),
    );
    return {
      number,
      database: Promise.resolve(database),
      first: sequenceOf(ends?.first) ?? 0,
      last: sequenceOf(ends?.last) ?? -1,
      bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0),
    };
  }

  /** The segment that takes the next record of `bytes`. */
  async #segmentFor(bytes: number): Promise<Segment> {
    const current = this.#segments.at(-1) as Segment;
    if (current.last < current.first || current.bytes + bytes <= this.#bytesMax) return current;
    const next = await (this.#spare ?? this.#makeSegment());
    this.#spare = undefined;
    next.last = -1;
    this.#segments.push(next);
    current.database = this.#closed(current);
    current.database.catch(() => {});
    return next;
  }

  async #closed(segment: Segment): Promise<undefined> {
    await (await segment.database)?.close();
  }

  #reopened(segment: Segment): Promise<LevelDatabase> {
    const { number } = segment;
    const opened = segment.database.then((database) => database ?? this.#openLevel(number, false));
    segment.database = opened;
    return opened;
  }

  async #makeSegment(): Promise<Segment> {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    await mkdir(this.#path(number));
    const database = await this.#openLevel(number, true);
    await syncFolder(this.#folder);
    return { number, database: Promise.resolve(database), first: 0, last: -1, bytes: 0 };
  }

  #openLevel(number: number, createIfMissing: boolean): Promise<LevelDatabase> {
    // LevelDB's memory holds keys and overhead beside the values; with this much it never fills.
    const writeBufferBytes = 2 * this.#bytesMax;
    return LevelDatabase.open(this.#path(number), { createIfMissing, writeBufferBytes });
  }

  /** Renamed first: a folder of which a crash left a part must not look like a segment. */
  async #removeFolder(number: number): Promise<void> {
    const removed = join(this.#folder, `removed-${digits(number)}`);
    await rename(this.#path(number), removed);
    await rm(removed, { recursive: true });
  }

  #path(number: number): string {
    return join(this.#folder, `segment-${digits(number)}`);
  }
}

function digits(number: number): string {
  return String(number).padStart(8, "0");
}

function sequenceOf(key: Uint8Array | undefined): number | undefined {
  return key === undefined ? undefined : sequenceOfKey(key);
}
