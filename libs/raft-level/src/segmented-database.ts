/**
 * The log's records in one file after another, everything else in a LevelDB.
 *
 * A Raft log only grows at its end and shrinks at its begin; a store of keys pays for more than
 * that with each byte (docs/adr/0011). A segment takes records until it is full, and the next is
 * made ahead, so that no write waits for it. One that is compacted goes as a file.
 *
 *     meta/                   LevelDB: identity, state, snapshot chunks; its lock guards the folder
 *     segment-00000001.log    records, ascending from segment to segment
 *     spare-1                 space of a segment that is compacted, for one to come
 *     new-1                   what a crash left of making one
 */
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "@atoll/stdx";
import type { Database, DatabasePut, KeyPage, KeyRange } from "./database.ts";
import { meansNoRoom } from "./errors.ts";
import { recordKey, sequenceOfKey } from "./keys.ts";
import { LevelDatabase } from "./level-database.ts";
import {
  beginningsIn,
  META_FOLDER,
  refuseUsedBeginnings,
  segmentName,
  segmentNumbers,
  spareName,
  sparesIn,
} from "./log-folder.ts";
import { SegmentFile } from "./segment-file.ts";
import { syncFolder } from "./sync-folder.ts";

export interface SegmentedDatabaseOptions {
  /** Whether a folder without a database gets one, or is refused. */
  readonly createIfMissing: boolean;
  /** A segment takes records until it has so many bytes. Default 64 MiB. */
  readonly segmentBytesMax?: number;
}

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
const META_BUFFER_BYTES = 4 * 1024 * 1024;
/** Files of compacted segments that are kept to be used again. */
const SPARES_MAX = 2;
/** How much a page of a scan holds before its last record. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

export class SegmentedDatabase implements Database {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #meta: LevelDatabase;
  /** Ascending; the last one is written to. */
  #segments: SegmentFile[] = [];
  /** The segment after the last, made ahead. */
  #next: Promise<SegmentFile> | undefined;
  /** Paths of files to be used again. */
  #spares: string[] = [];
  #nextNumber = 1;

  private constructor(folder: string, bytesMax: number, meta: LevelDatabase) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#meta = meta;
  }

  /** @throws what `LevelDatabase.open` and `SegmentFile.open` throw. */
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
    return this.#segments.find((segment) => segment.holds(sequence))?.read(sequence);
  }

  /** Records come one at a time, in order. */
  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    const sequence = sequenceOfKey(key);
    if (sequence === undefined) return this.#meta.put(key, value);
    const segment = await this.#segmentFor(value.length);
    await segment.append(sequence, value);
    if (segment.bytes > this.#bytesMax / 2 && this.#next === undefined) {
      this.#next = this.#makeSegment();
      this.#next.catch(() => {});
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
    const from = sequenceOfKey(range.from);
    if (from === undefined) {
      yield* this.#meta.scan(range, pageMax);
      return;
    }
    assert(sequenceOfKey(range.to) === undefined, "records are read up to the last");
    for (const segment of this.#segments) {
      for await (const page of segment.pages(from, pageMax, PAGE_BYTES_MAX)) {
        yield page.map(([sequence, record]) => [recordKey(sequence), record] as const);
      }
    }
  }

  async remove(range: KeyRange): Promise<void> {
    const from = sequenceOfKey(range.from);
    if (from === undefined) return this.#meta.remove(range);
    assert(sequenceOfKey(range.to) === undefined, "records are removed up to the last");
    // A crash between two leaves an earlier end, never a hole.
    for (const segment of this.#segments.toReversed()) await segment.cut(from);
    return undefined;
  }

  async forgetRecords(sequence: number): Promise<void> {
    while (
      this.#segments.length > 1 &&
      ((this.#segments[0] as SegmentFile).last ?? -1) < sequence
    ) {
      const segment = this.#segments.shift() as SegmentFile;
      await segment.close();
      if (this.#spares.length === SPARES_MAX) await rm(segment.path);
      else this.#spares.push(await this.#spareOf(segment));
    }
  }

  async close(): Promise<void> {
    const next = await this.#next?.catch(() => undefined);
    for (const segment of this.#segments) await segment.close();
    await next?.close();
    await this.#meta.close();
  }

  async #openSegments(): Promise<void> {
    // Names that an earlier life did not come to make durable.
    await syncFolder(this.#folder);
    const names = await readdir(this.#folder);
    await refuseUsedBeginnings(this.#folder, names);
    for (const name of beginningsIn(names)) await rm(join(this.#folder, name));
    const spares = sparesIn(names);
    this.#spares = spares.slice(0, SPARES_MAX).map((name) => join(this.#folder, name));
    for (const name of spares.slice(SPARES_MAX)) await rm(join(this.#folder, name));
    const numbers = segmentNumbers(names);
    this.#nextNumber = (numbers.at(-1) ?? 0) + 1;
    for (const number of numbers) {
      this.#segments.push(await SegmentFile.open(this.#path(number), number, "rw"));
    }
    await this.#segments.findLast(({ last }) => last !== undefined)?.confirmLast();
  }

  /** The segment that takes the next record of `bytes`. */
  async #segmentFor(bytes: number): Promise<SegmentFile> {
    const current = this.#segments.at(-1);
    const room = current?.last === undefined || current.bytes + bytes <= this.#bytesMax;
    if (current !== undefined && room) return current;
    // One that there was no room for is tried again now that it is needed.
    const ahead = await this.#next?.catch((error: unknown) => {
      if (meansNoRoom(error)) return undefined;
      throw error;
    });
    const next = ahead ?? (await this.#makeSegment());
    this.#next = undefined;
    this.#segments.push(next);
    return next;
  }

  async #makeSegment(): Promise<SegmentFile> {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const spare = this.#spares.shift();
    // Its old name must be gone for good before it gets another number.
    if (spare !== undefined) await syncFolder(this.#folder);
    try {
      return await SegmentFile.create(this.#path(number), number, spare);
    } catch (error) {
      if (spare !== undefined) this.#spares.unshift(spare);
      throw error;
    }
  }

  async #spareOf({ path, number }: SegmentFile): Promise<string> {
    const spare = join(this.#folder, spareName(number));
    await rename(path, spare);
    return spare;
  }

  #path(number: number): string {
    return join(this.#folder, segmentName(number));
  }
}
