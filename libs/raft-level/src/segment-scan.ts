/**
 * Finds all records of a segment, also behind a place that is damaged.
 *
 * Frames follow one another. Where none follows, the rest is searched: one that is found behind
 * shows that what lay between is lost, and recovery then misses its records. Reads the file in
 * windows and keeps no record. Called when a segment is opened.
 */
import type { FileHandle } from "node:fs/promises";
import { StorageFailedError } from "./errors.ts";
import {
  decodeFrameHeader,
  findFrameMagic,
  FRAME_HEADER_BYTES,
  frameAfter,
  type FramePlace,
  SEGMENT_HEADER_BYTES,
} from "./segment-frame.ts";

const WINDOW_BYTES = 1024 * 1024;

/**
 * The frames of a file of `fileBytes`, ascending in place and sequence. The record of the last one
 * may be cut off by the end of the file.
 */
export async function scanFrames(
  file: FileHandle,
  fileBytes: number,
  seed: number,
): Promise<FramePlace[]> {
  const scan = new FrameScan(file, fileBytes, seed);
  const places: FramePlace[] = [];
  let at = SEGMENT_HEADER_BYTES;
  let last = -1;
  for (;;) {
    const place = (await scan.frameAt(at)) ?? (await scan.frameBehind(at));
    if (place === undefined) return places;
    at = frameAfter(place.at, place.bytes);
    // Sequences only rise; what does not is no frame of ours.
    if (place.sequence <= last) at = place.at + 1;
    else places.push(place);
    last = Math.max(last, place.sequence);
  }
}

class FrameScan {
  readonly #file: FileHandle;
  readonly #fileBytes: number;
  readonly #seed: number;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  /** Where the window lies in the file. */
  #base = 0;

  constructor(file: FileHandle, fileBytes: number, seed: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#seed = seed;
  }

  async frameAt(at: number): Promise<FramePlace | undefined> {
    if (at + FRAME_HEADER_BYTES > this.#fileBytes) return undefined;
    await this.#cover(at);
    return decodeFrameHeader(this.#window, at - this.#base, this.#seed, this.#base);
  }

  /** The first frame after `at`, at any place. */
  async frameBehind(at: number): Promise<FramePlace | undefined> {
    for (let next = at + 1; next + FRAME_HEADER_BYTES <= this.#fileBytes;) {
      await this.#cover(next);
      const found = findFrameMagic(this.#window, next - this.#base);
      const windowEnd = this.#base + this.#window.length;
      if (found === -1 || this.#base + found + FRAME_HEADER_BYTES > windowEnd) {
        if (windowEnd === this.#fileBytes) return undefined;
        next = Math.max(next + 1, windowEnd - FRAME_HEADER_BYTES + 1);
        continue;
      }
      const place = decodeFrameHeader(this.#window, found, this.#seed, this.#base);
      if (place !== undefined) return place;
      next = this.#base + found + 1;
    }
    return undefined;
  }

  /** Makes the window hold the header of a frame at `at`. */
  async #cover(at: number): Promise<void> {
    const within = at >= this.#base && at + FRAME_HEADER_BYTES <= this.#base + this.#window.length;
    if (within) return;
    const wanted = Math.min(WINDOW_BYTES, this.#fileBytes - at);
    this.#base = at;
    this.#window = this.#buffer.subarray(0, await readFully(this.#file, this.#buffer, wanted, at));
    if (this.#window.length < wanted) {
      throw new StorageFailedError("a segment became shorter while it was read");
    }
  }
}

/** Reads until `bytes` are there or the file ends; returns how many there are. */
export async function readFully(
  file: FileHandle,
  target: Buffer,
  bytes: number,
  at: number,
): Promise<number> {
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(target, done, bytes - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
