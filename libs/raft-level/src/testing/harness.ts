/**
 * Short words for tests of the store: folders that go away, entries, calls as promises.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { crc32c, type Prng } from "@atoll/stdx";
import type { EntryRange, LogStore, LogWrite } from "@atoll/raft-replica";
import type { Entry, HardState, Membership, SnapshotMetadata } from "raft-ts";

export const IDENTITY = { groupId: "dc1/orchestrator", replicaId: 2 };
export const FOUNDING: Membership = {
  voters: [1, 2, 3],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
export const FOUNDING_SNAPSHOT: SnapshotMetadata = {
  index: 0,
  term: 0,
  membership: FOUNDING,
  sizeBytes: 0,
  checksum: 0,
};

export async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-raft-level-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A seed from the environment, for a run again, or a fresh one; printed by the test. */
export function seedOf(context: TestContext): number {
  const seed = Number(process.env["SEED"] ?? process.hrtime.bigint() % 1_000_000_007n);
  context.diagnostic(`seed ${seed}`);
  return seed;
}

export function entry(index: number, term: number, text = `entry ${index} of ${term}`): Entry {
  return { index, term, type: "data", data: Buffer.from(text) };
}

export function entries(from: number, count: number, term = 1): Entry[] {
  return Array.from({ length: count }, (_, at) => entry(from + at, term));
}

export function randomBytes(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => prng.below(256));
}

export function metadataOf(index: number, term: number, content: Uint8Array): SnapshotMetadata {
  return {
    index,
    term,
    membership: FOUNDING,
    sizeBytes: content.length,
    checksum: crc32c(content),
  };
}

type Callback = (error: Error | undefined) => void;

function promised(start: (done: Callback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === undefined ? resolve() : reject(error)));
  });
}

export function write(store: LogStore, what: LogWrite): Promise<void> {
  return promised((done) => store.write(what, done));
}

export function save(
  store: LogStore,
  metadata: SnapshotMetadata,
  chunks: readonly Uint8Array[],
): Promise<void> {
  return promised((done) => store.saveSnapshot(metadata, chunks, done));
}

export function install(
  store: LogStore,
  metadata: SnapshotMetadata,
  chunks: readonly Uint8Array[],
  hardState: HardState,
): Promise<void> {
  return promised((done) => store.installSnapshot(metadata, chunks, hardState, done));
}

export function compact(store: LogStore, through: number): Promise<void> {
  return promised((done) => store.compact(through, done));
}

export function read(
  store: LogStore,
  from: number,
  to: number,
  maxBytes: number = Infinity,
): Promise<EntryRange> {
  return new Promise((resolve, reject) => {
    store.readEntries({ from, to, maxBytes }, (error, range) =>
      range === undefined ? reject(error as Error) : resolve(range),
    );
  });
}

export async function readWholeSnapshot(
  store: LogStore,
  metadata: SnapshotMetadata,
  maxBytes: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  while (offset < metadata.sizeBytes) {
    const range = { index: metadata.index, offset, maxBytes };
    const piece = await new Promise<Uint8Array>((resolve, reject) => {
      store.readSnapshot(range, (error, chunk) =>
        chunk === undefined ? reject(error as Error) : resolve(chunk),
      );
    });
    if (piece.length === 0 || piece.length > maxBytes) throw new Error(`${piece.length} bytes`);
    pieces.push(piece);
    offset += piece.length;
  }
  return Buffer.concat(pieces);
}
