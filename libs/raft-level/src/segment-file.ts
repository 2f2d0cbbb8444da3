/**
 * One file of records: appended with one synced write each, read by sequence.
 *
 * The file is opened with O_DSYNC, so that a write is durable when it returns, in one call. A write
 * into space that is there changes nothing but data, and the file system then needs no transaction
 * of its own for it. So zeros are written ahead of small records, and a file that is no more needed
 * gives its space to a new segment. That is for speed alone: a write that finds no space makes the
 * file longer by itself. A failed write of a record is never tried
 * again here. Called by `SegmentedDatabase`, and by the offline verification, which only reads.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "@atoll/stdx";
import { LogDamagedError, meansNoRoom, StorageFailedError } from "./errors.ts";
import { beginningName } from "./log-folder.ts";
import {
  decodeSegmentHeader,
  encodeFrameHeader,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameAfter,
  type FramePlace,
  SEGMENT_HEADER_BYTES,
} from "./segment-frame.ts";
import { readFully, scanFrames } from "./segment-scan.ts";
import { syncFolder } from "./sync-folder.ts";

/** How many zeros are written at a time. More at once would hold up the records beside them. */
const AHEAD_BYTES = 256 * 1024;
/** Records larger than this gain less by zeros than these cost. */
const SMALL_BYTES = 32 * 1024;
const ZEROS: Buffer = Buffer.alloc(AHEAD_BYTES);

interface Opened {
  readonly number: number;
  readonly path: string;
  readonly file: FileHandle;
  readonly zeros: FileHandle | undefined;
  readonly seed: number;
  readonly places: FramePlace[];
  readonly fileBytes: number;
}

/** A record and its sequence. */
export type SegmentRecord = readonly [sequence: number, record: Uint8Array];

export class SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly #file: FileHandle;
  /**
   * For zeros alone: a failed write-back is told once to each descriptor, and that of a record must
   * not be told to a write of zeros. Undefined when the segment is only read.
   */
  readonly #zeros: FileHandle | undefined;
  readonly #seed: number;
  readonly #frameHeader: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);
  /** Ascending. */
  #places: FramePlace[];
  /** Where the next frame begins. */
  #end: number;
  /** Up to here the file has bytes; zeros are being written from here on while `#filling`. */
  #filled: number;
  #filling: Promise<void> | undefined;
  #fillsAhead: boolean;
  #fillError: Error | undefined;

  private constructor(opened: Opened) {
    this.number = opened.number;
    this.path = opened.path;
    this.#file = opened.file;
    this.#zeros = opened.zeros;
    this.#fillsAhead = opened.zeros !== undefined;
    this.#seed = opened.seed;
    this.#places = opened.places;
    this.#filled = opened.fileBytes;
    const last = opened.places.at(-1);
    this.#end = last === undefined ? SEGMENT_HEADER_BYTES : frameAfter(last.at, last.bytes);
  }

  /**
   * Makes an empty segment, durable with its name: a file of that name always has its header. The
   * file at `beginning`, in the same folder, takes that name. It is made where there is none;
   * otherwise its space is used again, and what it holds is of another nonce.
   */
  static async create(
    path: string,
    number: number,
    beginning: string = join(dirname(path), beginningName(number)),
  ): Promise<SegmentFile> {
    const header = encodeSegmentHeader(number, randomBytes(8));
    const file = await open(beginning, constants.O_WRONLY | constants.O_CREAT | syncedFlag());
    let fileBytes: number;
    try {
      const { bytesWritten } = await file.write(header, 0, header.length, 0);
      if (bytesWritten !== header.length) throw new StorageFailedError("no room for a segment");
      fileBytes = (await file.stat()).size;
    } finally {
      await file.close();
    }
    await rename(beginning, path);
    await syncFolder(dirname(path));
    const seed = decodeSegmentHeader(header, number) as number;
    return SegmentFile.#toAppend({ path, number, seed, fileBytes, places: [] });
  }

  /**
   * Opens a segment and finds its records, to read them alone or to add to them.
   * @throws LogDamagedError when it has no header, or that of another.
   */
  static async open(path: string, number: number, access: "r" | "rw"): Promise<SegmentFile> {
    const file = await open(path, constants.O_RDONLY);
    try {
      const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const found = await readFully(file, header, header.length, 0);
      const seed = decodeSegmentHeader(header.subarray(0, found), number);
      if (typeof seed === "string") throw new LogDamagedError(`segment ${number}`, seed);
      const { size } = await file.stat();
      const places = await scanFrames(file, size, seed);
      const opened = { path, number, seed, fileBytes: size, places };
      if (access === "r") return new SegmentFile({ ...opened, file, zeros: undefined });
      await file.close();
      return await SegmentFile.#toAppend(opened);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Takes records from here on, after those at `places`. */
  static async #toAppend(found: Omit<Opened, "file" | "zeros">): Promise<SegmentFile> {
    const file = await open(found.path, constants.O_RDWR | syncedFlag());
    try {
      const zeros = await open(found.path, constants.O_WRONLY | syncedFlag());
      return new SegmentFile({ ...found, file, zeros });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Of its first record; undefined when it has none. */
  get first(): number | undefined {
    return this.#places[0]?.sequence;
  }

  get last(): number | undefined {
    return this.#places.at(-1)?.sequence;
  }

  /** Whether `sequence` is within its records. */
  holds(sequence: number): boolean {
    const { first, last } = this;
    return first !== undefined && first <= sequence && sequence <= (last as number);
  }

  /** How much of the file is taken. */
  get bytes(): number {
    return this.#end;
  }

  /** Durable when it resolves. One at a time; `record` stays unchanged until then. */
  async append(sequence: number, record: Uint8Array): Promise<void> {
    assert(sequence > (this.last ?? -1), `record ${sequence} after ${this.last}`);
    const at = this.#end;
    const next = frameAfter(at, record.length);
    // Zeros must never meet a record: what writes them ends before a record takes their place.
    if (next > this.#filled) await this.#filling;
    if (this.#fillError !== undefined) throw this.#fillError;
    encodeFrameHeader(this.#frameHeader, this.#seed, sequence, record.length);
    await this.#write([this.#frameHeader, record], at);
    this.#places.push({ sequence, at, bytes: record.length });
    this.#end = next;
    this.#filled = Math.max(this.#filled, at + FRAME_HEADER_BYTES + record.length);
    if (record.length <= SMALL_BYTES) this.#fillAhead();
  }

  /**
   * Writes the last record once more, as it reads. A write that failed in an earlier life, or was
   * never synced, may be seen in the kernel's memory and not be on the disk.
   */
  async confirmLast(): Promise<void> {
    const place = this.#places.at(-1);
    if (place === undefined) return;
    const frame = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + place.bytes);
    const found = await readFully(this.#file, frame, frame.length, place.at);
    await this.#write([frame.subarray(0, found)], place.at);
  }

  /** Undefined when it is not here. Shorter than it was when the file ends before it. */
  async read(sequence: number): Promise<Uint8Array | undefined> {
    const place = this.#places[this.#indexOf(sequence)];
    if (place?.sequence !== sequence) return undefined;
    const target = Buffer.allocUnsafeSlow(place.bytes);
    const at = place.at + FRAME_HEADER_BYTES;
    return target.subarray(0, await readFully(this.#file, target, place.bytes, at));
  }

  /** The records from `from` on, in pages of at most so many records and some such bytes. */
  async *pages(from: number, recordsMax: number, bytesMax: number): AsyncIterable<SegmentRecord[]> {
    let begin = this.#indexOf(from);
    while (begin < this.#places.length) {
      const first = (this.#places[begin] as FramePlace).at;
      let end = begin + 1;
      while (
        end < this.#places.length &&
        end - begin < recordsMax &&
        (this.#places[end] as FramePlace).at - first < bytesMax
      ) {
        end += 1;
      }
      yield await this.#page(this.#places.slice(begin, end));
      begin = end;
    }
  }

  /** Removes the records from `from` on, durably. */
  async cut(from: number): Promise<void> {
    const index = this.#indexOf(from);
    const place = this.#places[index];
    if (place === undefined) return;
    await this.#filling;
    await this.#file.truncate(place.at);
    await this.#file.sync();
    this.#places = this.#places.slice(0, index);
    this.#end = place.at;
    this.#filled = place.at;
  }

  async close(): Promise<void> {
    await this.#filling;
    await this.#zeros?.close();
    await this.#file.close();
  }

  async #write(parts: readonly Uint8Array[], at: number): Promise<void> {
    const wanted = parts.reduce((sum, { length }) => sum + length, 0);
    let { bytesWritten: done } = await this.#file.writev(parts, at);
    if (done === wanted) return;
    // The disk says why it took a part only when it is given the rest.
    const bytes = Buffer.concat(parts);
    while (done < wanted) {
      const { bytesWritten } = await this.#file.write(bytes, done, wanted - done, at + done);
      if (bytesWritten === 0) throw new StorageFailedError("the disk takes no more of a record");
      done += bytesWritten;
    }
  }

  async #page(places: readonly FramePlace[]): Promise<SegmentRecord[]> {
    const begin = (places[0] as FramePlace).at;
    const last = places.at(-1) as FramePlace;
    const target = Buffer.allocUnsafeSlow(last.at + FRAME_HEADER_BYTES + last.bytes - begin);
    const read = await readFully(this.#file, target, target.length, begin);
    const found = target.subarray(0, read);
    return places.map(({ sequence, at, bytes }) => {
      const start = at + FRAME_HEADER_BYTES - begin;
      return [sequence, found.subarray(start, start + bytes)] as const;
    });
  }

  /** The index of the first record that is not below `sequence`. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] as FramePlace).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #fillAhead(): void {
    if (this.#filling !== undefined || !this.#fillsAhead) return;
    if (this.#filled - this.#end > AHEAD_BYTES / 2) return;
    this.#filling = this.#fill().then(() => {
      this.#filling = undefined;
    });
  }

  /** Never throws: without room it ends, and any other error is the next record's. */
  async #fill(): Promise<void> {
    try {
      const written = await this.#zeros?.write(ZEROS, 0, AHEAD_BYTES, this.#filled);
      this.#filled += written?.bytesWritten ?? 0;
      this.#fillsAhead = written?.bytesWritten === AHEAD_BYTES;
    } catch (error) {
      this.#fillsAhead = false;
      if (!meansNoRoom(error)) this.#fillError = error as Error;
    }
  }
}

/** Where there is no such flag, nothing would be durable. */
function syncedFlag(): number {
  assert(constants.O_DSYNC > 0, "this system has no O_DSYNC");
  return constants.O_DSYNC;
}
