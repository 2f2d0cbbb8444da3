/**
 * A small file beside the database that says how far the log was known to be durable.
 *
 * A last record that is missing or bad is one of two things: a write the crash cut off, which
 * nobody was told of, or damage to what was acknowledged. The records alone cannot tell them apart.
 * The marker can, and it lies apart, so that one fault does not hit both.
 *
 * It is written a moment after an fsync of the log, which does not wait for it, and not synced
 * itself each time: exact after a crash of the process but for the last milliseconds, some writes
 * behind after a loss of power. Behind is safe: it then only takes damage for a torn end where the
 * disk lost what it had confirmed. Two slots take turns, so that a torn write leaves the other one.
 */
import { open, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32c } from "@atoll/stdx";
import { LogDamagedError } from "./errors.ts";
import { syncFolder } from "./sync-folder.ts";

export interface MarkerContent {
  /** The newest record that is durable; 0 for none. */
  readonly sequence: number;
  /** Of the state record. */
  readonly generation: number;
  /** The hash of that record. */
  readonly hash: Uint8Array;
}

interface MarkerSlot extends MarkerContent {
  /** The newer slot has the higher one. */
  readonly counter: number;
}

const MAGIC = 0x4d4c5441;
const SLOT_BYTES = 64;
const SLOT_DISTANCE_BYTES = 4096;
/** After so many writes the marker itself is synced. */
const SYNC_EVERY_WRITES = 64;
/** At most one write in this time: each costs some 30 µs, and the newest stands for all. */
const PACE_MS = 5;

export class DurableMarker {
  readonly #file: FileHandle;
  readonly #identity: Uint8Array;
  readonly #failed: (error: Error) => void;
  readonly #slot: Buffer = Buffer.alloc(SLOT_BYTES);
  #counter: number;
  #wanted: MarkerContent | undefined;
  #writing: Promise<void> | undefined;
  #pace: NodeJS.Timeout | undefined;

  private constructor(
    file: FileHandle,
    identity: Uint8Array,
    counter: number,
    failed: (error: Error) => void,
  ) {
    this.#file = file;
    this.#identity = identity;
    this.#counter = counter;
    this.#failed = failed;
  }

  /** Makes the file durable with `content`, then its name: what has the name has a slot. */
  static async create(
    path: string,
    identity: Uint8Array,
    content: MarkerContent,
    failed: (error: Error) => void,
  ): Promise<DurableMarker> {
    const beginning = `${path}.new`;
    const file = await open(beginning, "w+");
    await file.write(Buffer.alloc(2 * SLOT_DISTANCE_BYTES), 0, 2 * SLOT_DISTANCE_BYTES, 0);
    const marker = new DurableMarker(file, identity, 0, failed);
    await marker.#writeSlot(content);
    await file.sync();
    await rename(beginning, path);
    await syncFolder(dirname(path));
    return marker;
  }

  /**
   * Opens the file and reads its newest slot; undefined when there is no file.
   * @throws LogDamagedError when neither slot is readable or both belong to another replica.
   */
  static async open(
    path: string,
    identity: Uint8Array,
    failed: (error: Error) => void,
  ): Promise<{ marker: DurableMarker; content: MarkerContent } | undefined> {
    const file = await openIfPresent(path);
    if (file === undefined) return undefined;
    const bytes = Buffer.alloc(2 * SLOT_DISTANCE_BYTES);
    await file.read(bytes, 0, bytes.length, 0);
    const newest = decodeMarker(bytes, identity);
    if (newest === undefined) {
      await file.close();
      throw new LogDamagedError("the marker", "neither of its slots is readable");
    }
    const marker = new DurableMarker(file, identity, newest.counter, failed);
    return { marker, content: newest };
  }

  /** Notes that all up to `content` is durable. Returns at once; the newest is written soon. */
  advance(content: MarkerContent): void {
    this.#wanted = content;
    this.#pace ??= setTimeout(() => {
      this.#pace = undefined;
      this.#startWriting();
    }, PACE_MS);
  }

  /** Writes what waits, syncs and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#pace);
    this.#startWriting();
    await this.#writing;
    await this.#file.datasync().catch((error: unknown) => this.#failed(error as Error));
    await this.#file.close();
  }

  #startWriting(): void {
    if (this.#wanted === undefined) return;
    this.#writing ??= this.#writeWanted();
  }

  async #writeWanted(): Promise<void> {
    try {
      while (this.#wanted !== undefined) {
        const content = this.#wanted;
        this.#wanted = undefined;
        await this.#writeSlot(content);
        if (this.#counter % SYNC_EVERY_WRITES === 0) await this.#file.datasync();
      }
    } catch (error) {
      this.#failed(error as Error);
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeSlot(content: MarkerContent): Promise<void> {
    this.#counter += 1;
    encodeSlot(this.#slot, this.#identity, this.#counter, content);
    const at = (this.#counter % 2) * SLOT_DISTANCE_BYTES;
    await this.#file.write(this.#slot, 0, SLOT_BYTES, at);
  }
}

function encodeSlot(
  slot: Buffer,
  identity: Uint8Array,
  counter: number,
  content: MarkerContent,
): void {
  slot.writeUInt32LE(MAGIC, 0);
  slot.writeBigUInt64LE(BigInt(counter), 8);
  slot.writeBigUInt64LE(BigInt(content.sequence), 16);
  slot.writeBigUInt64LE(BigInt(content.generation), 24);
  slot.set(content.hash.subarray(0, 16), 32);
  slot.set(identity.subarray(0, 16), 48);
  slot.writeUInt32LE(crc32c(slot, 0, 8), 4);
}

function decodeSlot(slot: Buffer, identity: Uint8Array): MarkerSlot | undefined {
  if (slot.readUInt32LE(0) !== MAGIC || slot.readUInt32LE(4) !== crc32c(slot, 0, 8))
    return undefined;
  if (Buffer.compare(slot.subarray(48, 64), identity) !== 0) return undefined;
  return {
    counter: Number(slot.readBigUInt64LE(8)),
    sequence: Number(slot.readBigUInt64LE(16)),
    generation: Number(slot.readBigUInt64LE(24)),
    hash: Uint8Array.from(slot.subarray(32, 48)),
  };
}

/** The content of a marker's bytes; undefined when neither slot is readable. */
export function decodeMarker(bytes: Buffer, identity: Uint8Array): MarkerSlot | undefined {
  return [0, SLOT_DISTANCE_BYTES]
    .map((at) => bytes.subarray(at, at + SLOT_BYTES))
    .map((slot) => (slot.length < SLOT_BYTES ? undefined : decodeSlot(slot, identity)))
    .filter((slot) => slot !== undefined)
    .toSorted((one, other) => other.counter - one.counter)[0];
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
