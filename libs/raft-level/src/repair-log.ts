/**
 * Puts a repaired log in the place of the damaged one.
 *
 * All of it is written anew beside the old folder, from what was verified, and verified again. Only
 * then names change, each durably: the new folder is named as finished, the damaged one is put
 * aside as it is, and the finished one takes its place; what a crash leaves of that `finishRepair`
 * ends. Changes nothing in the damaged folder. Called by whoever repairs a log (docs/adr/0012).
 */
import { hash } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import type { Database } from "./database.ts";
import { DurableMarker } from "./durable-marker.ts";
import { LogDamagedError, StorageFailedError } from "./errors.ts";
import { encodeChecked, FORMAT_VERSION, identityDigest } from "./identity.ts";
import { finishRepair } from "./finish-repair.ts";
import { chunkKey, IDENTITY_KEY, recordKey, STATE_KEY } from "./keys.ts";
import { MARKER_FILE, META_FOLDER, namesBeside } from "./log-folder.ts";
import { withMetaCopy } from "./meta-copy.ts";
import { putAside } from "./put-aside.ts";
import { encodeRecord, HASH_BYTES, recordBytes } from "./record.ts";
import type { SalvagedLog, SalvagedParts } from "./salvaged-log.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import { CHUNK_BYTES, verifySnapshot } from "./snapshot-chunks.ts";
import { encodeState, type StoreState } from "./store-state.ts";
import { syncFolder } from "./sync-folder.ts";
import { verifyLogFolder } from "./verify-log.ts";

const RECORD_BYTES_MAX = 1024 * 1024;
const RECORD_ENTRIES_MAX = 4096;

export interface Repaired {
  /** Where the damaged folder is now. */
  readonly putAside: string;
}

/**
 * Makes the log whole under its name, durably. Nothing may be missing any more. `damage` is what
 * opening threw. A failure leaves the damaged folder as it was, or what {@link finishRepair} ends.
 * @throws StorageFailedError when the disk fails, LogDamagedError when it went on to lose records.
 */
export async function repairLog(log: SalvagedLog, damage: LogDamagedError): Promise<Repaired> {
  assert(log.missing.length === 0, "a log is repaired while entries are missing");
  const { folder } = log.parts;
  const { writing, finished } = namesBeside(folder);
  try {
    await rm(writing, { recursive: true, force: true });
    await mkdir(writing);
    await writeLog(log, writing);
    await verify(log, writing);
    await rename(writing, finished);
    await syncFolder(dirname(folder));
    const { folder: kept } = await putAside(folder, damage);
    await finishRepair(folder);
    return { putAside: kept };
  } catch (cause) {
    if (cause instanceof LogDamagedError || cause instanceof StorageFailedError) throw cause;
    throw new StorageFailedError(`cannot repair the log in ${folder}`, { cause });
  }
}

/** Everything in the folder `target` is durable when it resolves, but for its own name. */
async function writeLog(log: SalvagedLog, target: string): Promise<void> {
  const digest = identityDigest(log.parts.identity);
  const state = stateOf(log.parts);
  const database = await SegmentedDatabase.open(target, { createIfMissing: true });
  try {
    await copySnapshot(log.parts, database);
    const { format, identity } = { format: FORMAT_VERSION, identity: log.parts.identity };
    await database.putAll([
      { key: IDENTITY_KEY, value: encodeChecked({ format, ...identity }) },
      { key: STATE_KEY, value: encodeState(state) },
    ]);
    const last = await new RecordWriter(database, digest, state, log.parts.hardState).writeAll(log);
    const content = { ...last, generation: state.generation };
    const failed = (error: Error): never => {
      throw error;
    };
    const path = join(target, MARKER_FILE);
    const marker = await DurableMarker.create(path, digest, content, failed);
    await marker[Symbol.asyncDispose]();
  } finally {
    await database.close();
  }
  await syncFolder(join(target, META_FOLDER));
  await syncFolder(target);
}

/** Numbers go on, and the chain begins anew: no record that is left behind can follow it. */
function stateOf({ state, lastSequence, lastHash }: SalvagedParts): StoreState {
  const beginning = hash("sha256", Buffer.concat([lastHash, Buffer.from("repaired")]), "buffer");
  const commit = Math.min(state.hardState.commit, state.position.index);
  return {
    ...state,
    hardState: { ...state.hardState, commit },
    generation: state.generation + 1,
    firstSequence: lastSequence + 1,
    previousHash: beginning.subarray(0, HASH_BYTES).toString("hex"),
  };
}

async function copySnapshot({ folder, state }: SalvagedParts, database: Database): Promise<void> {
  const { id, metadata } = state.snapshot;
  const count = Math.ceil(metadata.sizeBytes / CHUNK_BYTES);
  await withMetaCopy(folder, namesBeside(folder).metaCopy, async (meta) => {
    for (let number = 0; number < count; number += 1) {
      const key = chunkKey(id, number);
      const value = await meta.get(key);
      if (value !== undefined) await database.put(key, value).catch(refusedWrite);
    }
  });
  await verifySnapshot(database, state.snapshot);
}

function refusedWrite(cause: unknown): never {
  throw new StorageFailedError("the disk does not take the snapshot", { cause });
}

/** Packs entries into records; the last one has the hard state of the log. */
class RecordWriter {
  readonly #database: Database;
  readonly #digest: Uint8Array;
  readonly #hardState: SalvagedParts["hardState"];
  #sequence: number;
  #hash: Uint8Array;
  /** Of what is written. */
  #lastIndex: number;
  #lastTerm: number;
  #entries: Entry[] = [];
  #bytes = 0;

  constructor(
    database: Database,
    digest: Uint8Array,
    state: StoreState,
    hardState: SalvagedParts["hardState"],
  ) {
    this.#database = database;
    this.#digest = digest;
    this.#hardState = hardState;
    this.#sequence = state.firstSequence - 1;
    this.#hash = Buffer.from(state.previousHash, "hex");
    this.#lastIndex = state.position.index;
    this.#lastTerm = state.position.term;
  }

  /** Gives the number and hash of the last record; there is one at least. */
  async writeAll(log: SalvagedLog): Promise<{ sequence: number; hash: Uint8Array }> {
    for await (const entry of log.entries()) {
      if (this.#isFull(entry.data.length)) await this.#write();
      this.#entries.push(entry);
      this.#bytes += entry.data.length;
    }
    await this.#write();
    return { sequence: this.#sequence, hash: this.#hash };
  }

  #isFull(more: number): boolean {
    if (this.#entries.length === 0) return false;
    return this.#entries.length === RECORD_ENTRIES_MAX || this.#bytes + more > RECORD_BYTES_MAX;
  }

  async #write(): Promise<void> {
    const entries = this.#entries;
    const sequence = this.#sequence + 1;
    const firstIndex = this.#lastIndex + 1;
    const last = entries.at(-1) ?? { index: this.#lastIndex, term: this.#lastTerm };
    // What a record says was committed, the log up to that record holds.
    const commit = Math.min(this.#hardState.commit, last.index);
    const hardState = { ...this.#hardState, commit };
    const header = { sequence, firstIndex, previousTerm: this.#lastTerm, hardState };
    const record = Buffer.alloc(recordBytes(entries));
    const chained = { ...header, previousHash: this.#hash };
    this.#hash = encodeRecord(record, this.#digest, chained, entries);
    await this.#database.put(recordKey(sequence), record);
    this.#sequence = sequence;
    this.#lastIndex = last.index;
    this.#lastTerm = last.term;
    this.#entries = [];
    this.#bytes = 0;
  }
}

/** What was written is read once more before it counts. */
async function verify(log: SalvagedLog, target: string): Promise<void> {
  const { verdict, findings, lastIndex } = await verifyLogFolder(
    target,
    namesBeside(log.parts.folder).metaCopy,
  );
  if (verdict === "whole" && lastIndex === log.lastIndex) return;
  const [first] = findings;
  const detail =
    first === undefined ? `it ends at ${lastIndex}` : `${first.record} ${first.detail}`;
  throw new StorageFailedError(`the repaired log reads otherwise than it was written: ${detail}`);
}
