/**
 * Reads a stored log from begin to end and decides whether it may be trusted.
 *
 * Every record is verified: its own checksums, that it belongs here, that its number follows, that
 * it repeats the hash of the one before, that its entries join on. A record that should be there
 * and is not counts as damage like one that is altered. Only what the marker does not vouch for, at
 * the very end, is a write that a crash cut off; it is removed. Called by `LevelLogStore.open`
 * before anything else.
 */
import type { RecoveredLog } from "@atoll/raft-replica";
import type { HardState } from "raft-ts";
import type { Database } from "./database.ts";
import type { MarkerContent } from "./durable-marker.ts";
import { LogDamagedError } from "./errors.ts";
import { recordRange, sequenceOfKey, snapshotRange } from "./keys.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import { RecordIndex } from "./record-index.ts";
import {
  endMisfit,
  type Finding,
  recordMisfit,
  type RecordsBefore,
  stateMisfit,
} from "./record-misfit.ts";
import { verifySnapshot } from "./snapshot-chunks.ts";
import type { StoreState } from "./store-state.ts";
import { LogTail } from "./log-tail.ts";

const SCAN_PAGE_RECORDS = 256;

export interface Recovery {
  readonly recovered: RecoveredLog;
  readonly index: RecordIndex;
  readonly lastSequence: number;
  readonly lastHash: Uint8Array;
  /**
   * The number of the record that was cut off by a crash and removed; undefined when the end was
   * whole.
   */
  readonly tornSequence: number | undefined;
}

export interface RecoveryInput {
  readonly database: Database;
  readonly identity: Uint8Array;
  readonly state: StoreState;
  readonly marker: MarkerContent;
  readonly tailBytesMax: number;
}

/** @throws LogDamagedError when anything that was once durable is missing or altered. */
export async function recover(input: RecoveryInput): Promise<Recovery> {
  const { database, state, marker } = input;
  refuse(stateMisfit(state, marker));
  await database.forgetRecords(state.firstSequence);
  await database.remove(snapshotRange(0, state.snapshot.id));
  await database.remove(snapshotRange(state.snapshot.id + 1));
  await verifySnapshot(database, state.snapshot);
  const scan = new RecordScan(input);
  for await (const page of database.scan(recordRange(state.firstSequence), SCAN_PAGE_RECORDS)) {
    for (const [key, value] of page) scan.take(key, value);
  }
  return await scan.finish();
}

/**
 * Walks the records in order; holds one bad record back until it is known whether another follows.
 */
class RecordScan {
  readonly #input: RecoveryInput;
  readonly #index: RecordIndex;
  readonly #tail: LogTail;
  #hardState: HardState;
  #lastSequence: number;
  #lastHash: Uint8Array;
  #bad: { readonly sequence: number; readonly reason: string } | undefined;

  constructor(input: RecoveryInput) {
    const { state } = input;
    this.#input = input;
    this.#index = new RecordIndex(state.position);
    this.#tail = new LogTail(state.position, input.tailBytesMax);
    this.#hardState = state.hardState;
    this.#lastSequence = state.firstSequence - 1;
    this.#lastHash = Buffer.from(state.previousHash, "hex");
  }

  take(key: Uint8Array, value: Uint8Array): void {
    if (this.#bad !== undefined) throw damagedRecord(this.#bad.sequence, this.#bad.reason);
    const expected = this.#lastSequence + 1;
    const sequence = sequenceOfKey(key);
    if (sequence !== expected) throw damagedRecord(expected, "it is missing");
    const record = decodeRecord(value, this.#input.identity);
    const reason =
      typeof record === "string"
        ? record
        : recordMisfit(record, expected, this.#before, this.#input);
    if (reason !== undefined) {
      this.#bad = { sequence, reason };
      return;
    }
    this.#accept(record as DecodedRecord);
  }

  async finish(): Promise<Recovery> {
    const { marker, database, state } = this.#input;
    if (marker.sequence > this.#lastSequence) {
      const missing = this.#lastSequence + 1;
      throw damagedRecord(missing, this.#bad?.reason ?? "it was durable and is missing");
    }
    refuse(endMisfit(state, this.#before));
    if (this.#bad !== undefined) await database.remove(recordRange(this.#bad.sequence));
    return {
      recovered: {
        hardState: this.#hardState,
        snapshot: state.snapshot.metadata,
        last: this.#index.last,
        firstIndex: this.#index.firstIndex,
        tail: this.#tail.entries(),
        tailPrevious: this.#tail.previous,
        standing: state.standing,
      },
      index: this.#index,
      lastSequence: this.#lastSequence,
      lastHash: Uint8Array.from(this.#lastHash),
      tornSequence: this.#bad?.sequence,
    };
  }

  get #before(): RecordsBefore {
    return { hash: this.#lastHash, hardState: this.#hardState, index: this.#index };
  }

  #accept(record: DecodedRecord): void {
    this.#lastSequence = record.sequence;
    this.#lastHash = record.hash;
    this.#hardState = record.hardState;
    if (record.entries.length === 0) return;
    this.#index.append(record.sequence, record.entries);
    this.#tail.append(record.entries, record.previousTerm);
  }
}

function refuse(finding: Finding | undefined): void {
  if (finding !== undefined) throw new LogDamagedError(finding.record, finding.detail);
}

function damagedRecord(sequence: number, reason: string): LogDamagedError {
  return new LogDamagedError(`record ${sequence}`, reason);
}
