/**
 * Reads what a damaged log still is, without changing anything in its folder.
 *
 * Identity, state, snapshot and marker must be whole, and the end of the log: the record that the
 * marker vouches for, and all behind it. Then term, vote, commit and the position of the last entry
 * are certain, and only entries in the middle are not (docs/adr/0012). The same checks as at
 * opening, by the same functions. A record that is whole and contradicts the others is no hole but
 * a riddle, and such a log is not salvaged. Called by whoever repairs a log.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Bug } from "@atoll/stdx";
import type { HardState } from "raft-ts";
import { refuseDistrusted } from "./distrust.ts";
import { decodeMarker, type MarkerContent } from "./durable-marker.ts";
import { LogDamagedError, StorageFailedError } from "./errors.ts";
import { decodeIdentity, FORMAT_VERSION, identityDigest, type LogIdentity } from "./identity.ts";
import { IDENTITY_KEY, STATE_KEY } from "./keys.ts";
import type { LevelDatabase } from "./level-database.ts";
import {
  MARKER_FILE,
  namesBeside,
  refuseUsedBeginnings,
  segmentName,
  segmentNumbers,
} from "./log-folder.ts";
import { withMetaCopy } from "./meta-copy.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import { RecordIndex } from "./record-index.ts";
import {
  endMisfit,
  type Finding,
  recordMisfit,
  type RecordsBefore,
  stateMisfit,
} from "./record-misfit.ts";
import { SalvagedIndex } from "./salvaged-index.ts";
import { SalvagedLog, type SalvagedParts } from "./salvaged-log.ts";
import { SegmentFile } from "./segment-file.ts";
import { verifySnapshot } from "./snapshot-chunks.ts";
import { decodeState, type StoreState } from "./store-state.ts";

const SCAN_PAGE_RECORDS = 256;
const SCAN_PAGE_BYTES = 4 * 1024 * 1024;

export type Salvage =
  | { readonly type: "salvaged"; readonly log: SalvagedLog }
  /** What was promised with this log is not certain. `reason` is a sentence without its end. */
  | { readonly type: "lost"; readonly reason: string };

/** @throws StorageFailedError when the disk fails; that says nothing of the log. */
export async function salvageLog(folder: string, identity: LogIdentity): Promise<Salvage> {
  const segments: SegmentFile[] = [];
  try {
    await refuseDistrusted(folder);
    const digest = identityDigest(identity);
    const { metaCopy } = namesBeside(folder);
    const state = await withMetaCopy(folder, metaCopy, (meta) => stateIn(meta, identity));
    const marker = await readMarker(folder, digest);
    refuse(stateMisfit(state, marker));
    const names = await readdir(folder);
    await refuseUsedBeginnings(folder, names);
    const scan = new SalvageScan(digest, state, marker);
    for (const number of segmentNumbers(names)) {
      const segment = await openSegment(folder, number);
      if (segment === undefined) {
        scan.lose(`segment ${number} is not readable`);
        continue;
      }
      segments.push(segment);
      for await (const page of segment.pages(0, SCAN_PAGE_RECORDS, SCAN_PAGE_BYTES)) {
        for (const [sequence, record] of page) scan.take(sequence, record);
      }
    }
    const log = new SalvagedLog({ folder, identity, state, segments, ...scan.finish() });
    return { type: "salvaged", log };
  } catch (error) {
    for (const segment of segments) await segment.close();
    if (error instanceof LogDamagedError) return { type: "lost", reason: error.message };
    if (error instanceof Bug || error instanceof StorageFailedError) throw error;
    throw new StorageFailedError(`cannot read the damaged log in ${folder}`, { cause: error });
  }
}

/** Walks the records in order, also behind those that are lost. */
class SalvageScan {
  readonly #digest: Uint8Array;
  readonly #state: StoreState;
  readonly #marker: MarkerContent;
  readonly #index: SalvagedIndex;
  /** Of the entries since the last hole; undefined right behind one. */
  #stretch: RecordIndex | undefined;
  #hardState: HardState;
  #lastSequence: number;
  #lastHash: Uint8Array | undefined;
  /** Why the record before is not known; undefined when it is. */
  #hole: string | undefined;
  /** Whether all records are whole since the one that the marker vouches for, or the begin. */
  #vouched = true;
  /** The record just taken, when it may be the last one, cut off by a crash. */
  #torn: string | undefined;

  constructor(digest: Uint8Array, state: StoreState, marker: MarkerContent) {
    this.#digest = digest;
    this.#state = state;
    this.#marker = marker;
    this.#index = new SalvagedIndex(state.position);
    this.#stretch = new RecordIndex(state.position);
    this.#hardState = state.hardState;
    this.#lastSequence = state.firstSequence - 1;
    this.#lastHash = Buffer.from(state.previousHash, "hex");
  }

  take(sequence: number, bytes: Uint8Array): void {
    if (sequence < this.#state.firstSequence) return;
    if (this.#torn !== undefined) this.lose(this.#torn);
    this.#torn = undefined;
    const missing = this.#lastSequence + 1;
    if (sequence > missing) this.lose(`record ${missing} is missing`);
    this.#lastSequence = sequence;
    const record = decodeRecord(bytes, this.#digest);
    if (typeof record !== "string" && record.sequence === sequence) {
      this.#accept(record);
      return;
    }
    const detail = typeof record === "string" ? record : "another is in its place";
    if (sequence > this.#marker.sequence) this.#torn = `record ${sequence}: ${detail}`;
    else this.lose(`record ${sequence}: ${detail}`);
  }

  /** Records are lost here. */
  lose(reason: string): void {
    this.#hole = reason;
    this.#vouched = false;
    this.#lastHash = undefined;
    this.#stretch = undefined;
    this.#index.lose(this.#hardState.commit);
  }

  /** @throws LogDamagedError when the end of the log is not certain. */
  finish(): Pick<SalvagedParts, "hardState" | "lastSequence" | "lastHash" | "index"> {
    if (this.#hole === undefined && this.#lastSequence < this.#marker.sequence) {
      this.#hole = `record ${this.#lastSequence + 1} is missing`;
    }
    if (this.#hole !== undefined || this.#lastHash === undefined) {
      throw new LogDamagedError("the end of the log", this.#hole ?? "it is not known");
    }
    if (!this.#vouched) {
      const { sequence } = this.#marker;
      throw new LogDamagedError("the end of the log", `record ${sequence} does not vouch for it`);
    }
    refuse(endMisfit(this.#state, this.#before));
    return {
      hardState: this.#hardState,
      lastSequence: this.#lastSequence,
      lastHash: this.#lastHash,
      index: this.#index,
    };
  }

  get #before(): RecordsBefore {
    return { hash: this.#lastHash, hardState: this.#hardState, index: this.#stretch };
  }

  #accept(record: DecodedRecord): void {
    const { sequence, firstIndex, previousTerm, entries, hash, hardState } = record;
    const name = `record ${sequence}`;
    const misfit = recordMisfit(record, sequence, this.#before, {
      state: this.#state,
      marker: this.#marker,
    });
    if (misfit !== undefined) throw new LogDamagedError(name, misfit);
    const unplaced = this.#index.place(record, this.#hole !== undefined);
    if (unplaced !== undefined) throw new LogDamagedError(name, unplaced);
    if (this.#stretch === undefined || firstIndex <= this.#stretch.begin) {
      this.#stretch = new RecordIndex({ index: firstIndex - 1, term: previousTerm });
    }
    if (entries.length > 0) this.#stretch.append(sequence, entries);
    this.#lastHash = hash;
    this.#hardState = hardState;
    this.#hole = undefined;
    if (sequence === this.#marker.sequence) this.#vouched = true;
  }
}

function refuse(finding: Finding | undefined): void {
  if (finding !== undefined) throw new LogDamagedError(finding.record, finding.detail);
}

async function stateIn(meta: LevelDatabase, wanted: LogIdentity): Promise<StoreState> {
  const identity = await meta.get(IDENTITY_KEY);
  if (identity === undefined) throw new LogDamagedError("the identity", "it is missing");
  const { format, groupId, replicaId } = decodeIdentity(identity);
  const own = groupId === wanted.groupId && replicaId === wanted.replicaId;
  if (format !== FORMAT_VERSION || !own) {
    throw new LogDamagedError("the identity", "the log is another's");
  }
  const bytes = await meta.get(STATE_KEY);
  if (bytes === undefined) throw new LogDamagedError("the state", "it is missing");
  const state = decodeState(bytes);
  if (state.standing !== "whole") {
    throw new LogDamagedError("the state", `the log was ${state.standing} already`);
  }
  await verifySnapshot(meta, state.snapshot);
  return state;
}

async function readMarker(folder: string, digest: Uint8Array): Promise<MarkerContent> {
  const bytes = await readFile(join(folder, MARKER_FILE)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) throw new LogDamagedError("the marker", "it is missing");
  const marker = decodeMarker(bytes, digest);
  if (marker !== undefined) return marker;
  throw new LogDamagedError("the marker", "neither of its slots is readable");
}

/** Undefined when its records cannot be found. */
async function openSegment(folder: string, number: number): Promise<SegmentFile | undefined> {
  try {
    return await SegmentFile.open(join(folder, segmentName(number)), number, "r");
  } catch (error) {
    if (error instanceof LogDamagedError) return undefined;
    throw error;
  }
}
