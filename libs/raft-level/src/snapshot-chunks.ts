/**
 * Snapshots in the database, cut into chunks of one size.
 *
 *     0  CRC32C of all bytes before this chunk (4)    4  the same through this chunk (4)
 *     8  the bytes
 *
 * The running checksum finds a damaged chunk, a chunk in the wrong place, and in the last one
 * equals the checksum of the whole, with a single pass over the bytes. Chunks are written before
 * anything refers to them, each batch synced; between batches the loop is free.
 */
import { crc32c } from "@atoll/stdx";
import type { SnapshotMetadata } from "raft-ts";
import type { Database, DatabasePut } from "./database.ts";
import { LogDamagedError, SnapshotMismatchError } from "./errors.ts";
import { chunkKey } from "./keys.ts";
import type { StoredSnapshot } from "./store-state.ts";

export const CHUNK_BYTES: number = 256 * 1024;
const CHUNK_HEADER_BYTES = 8;
/** How many chunks become durable with one fsync. */
const BATCH_CHUNKS = 4;

/**
 * Writes the chunks of a snapshot under `id`.
 * @throws SnapshotMismatchError when the bytes are not those that `metadata` describes.
 */
export async function writeChunks(
  database: Database,
  id: number,
  metadata: SnapshotMetadata,
  parts: readonly Uint8Array[],
): Promise<void> {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (sizeBytes !== metadata.sizeBytes) {
    throw new SnapshotMismatchError(
      `the snapshot at ${metadata.index} has ${sizeBytes} bytes, not ${metadata.sizeBytes}`,
    );
  }
  let checksum = 0;
  let number = 0;
  let batch: DatabasePut[] = [];
  for (const bytes of recut(parts)) {
    const value = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + bytes.length);
    value.set(bytes, CHUNK_HEADER_BYTES);
    value.writeUInt32LE(checksum, 0);
    checksum = crc32c(bytes, checksum);
    value.writeUInt32LE(checksum, 4);
    batch.push({ key: chunkKey(id, number), value });
    number += 1;
    if (batch.length < BATCH_CHUNKS) continue;
    await database.putAll(batch);
    batch = [];
  }
  if (batch.length > 0) await database.putAll(batch);
  if (checksum !== metadata.checksum) {
    throw new SnapshotMismatchError(`the checksum of the snapshot at ${metadata.index} differs`);
  }
}

/**
 * Reads up to `maxBytes` of a snapshot from `offset` on; undefined when a chunk is gone.
 * @throws LogDamagedError when a chunk is not what was written.
 */
export async function readChunks(
  database: Database,
  snapshot: StoredSnapshot,
  offset: number,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const end = Math.min(snapshot.metadata.sizeBytes, offset + maxBytes);
  const pieces: Uint8Array[] = [];
  for (let at = offset; at < end;) {
    const number = Math.floor(at / CHUNK_BYTES);
    const value = await database.get(chunkKey(snapshot.id, number));
    if (value === undefined) return undefined;
    const bytes = verifyChunk(value, snapshot, number);
    const from = at - number * CHUNK_BYTES;
    const piece = bytes.subarray(from, from + end - at);
    pieces.push(piece);
    at += piece.length;
  }
  const joined = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  return new Uint8Array(joined.buffer, joined.byteOffset, joined.byteLength);
}

/** Reads all chunks once. @throws LogDamagedError when one is missing or not what was written. */
export async function verifySnapshot(
  database: Pick<Database, "get">,
  snapshot: StoredSnapshot,
): Promise<void> {
  const count = Math.ceil(snapshot.metadata.sizeBytes / CHUNK_BYTES);
  let checksum = 0;
  for (let number = 0; number < count; number += 1) {
    const value = await database.get(chunkKey(snapshot.id, number));
    if (value === undefined) throw damaged(snapshot, number, "it is missing");
    verifyChunk(value, snapshot, number);
    const header = Buffer.from(value.buffer, value.byteOffset, CHUNK_HEADER_BYTES);
    if (header.readUInt32LE(0) !== checksum) {
      throw damaged(snapshot, number, "it does not follow the one before");
    }
    checksum = header.readUInt32LE(4);
  }
  if (checksum !== snapshot.metadata.checksum) {
    throw damaged(snapshot, count, "the checksum of the whole differs");
  }
}

function verifyChunk(value: Uint8Array, snapshot: StoredSnapshot, number: number): Uint8Array {
  const left = snapshot.metadata.sizeBytes - number * CHUNK_BYTES;
  if (value.length !== CHUNK_HEADER_BYTES + Math.min(CHUNK_BYTES, left)) {
    throw damaged(snapshot, number, `it has ${value.length} bytes`);
  }
  const header = Buffer.from(value.buffer, value.byteOffset, CHUNK_HEADER_BYTES);
  const bytes = value.subarray(CHUNK_HEADER_BYTES);
  if (crc32c(bytes, header.readUInt32LE(0)) !== header.readUInt32LE(4)) {
    throw damaged(snapshot, number, "its checksum does not match");
  }
  return bytes;
}

function damaged(snapshot: StoredSnapshot, number: number, detail: string): LogDamagedError {
  const name = `chunk ${number} of the snapshot at ${snapshot.metadata.index}`;
  return new LogDamagedError(name, detail);
}

/**
 * The same bytes in pieces of {@link CHUNK_BYTES}, the last one shorter. Copies only across the
 * seams.
 */
function* recut(parts: readonly Uint8Array[]): Iterable<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for (const part of parts) {
    let at = 0;
    while (part.length - at + heldBytes >= CHUNK_BYTES) {
      const piece = part.subarray(at, at + CHUNK_BYTES - heldBytes);
      at += piece.length;
      yield heldBytes === 0 ? piece : Buffer.concat([...held, piece]);
      held = [];
      heldBytes = 0;
    }
    if (at === part.length) continue;
    held.push(part.subarray(at));
    heldBytes += part.length - at;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}
