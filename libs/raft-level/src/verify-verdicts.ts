/**
 * The verdicts of an offline verification, record by record, and what they come to.
 *
 * The same checks as at opening, but it goes on behind what is bad: a reader wants to know all that
 * is left. Used by `verifyLogFolder` alone.
 */
import type { Standing } from "raft-ts";
import type { MarkerContent } from "./durable-marker.ts";
import { LogDamagedError } from "./errors.ts";
import type { LogIdentity } from "./identity.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import type { StoreState } from "./store-state.ts";

/** More than so many are counted and not listed. */
const FINDINGS_MAX = 1_000;

/** What became of one record. */
export interface RecordFate {
  readonly sequence: number;
  /**
   * `compacted`: it lies before the log's begin and counts no more. `unknown`: it cannot be judged,
   * as identity or state are gone. `misplaced`: whole in itself, but not of this place.
   */
  readonly fate: "whole" | "compacted" | "missing" | "altered" | "misplaced" | "unknown";
  /** Of its entries, for a whole record that has some. */
  readonly firstIndex: number | undefined;
  readonly entries: number;
  /** Why it is not whole; empty when it is. */
  readonly detail: string;
}

export interface Finding {
  /** As `LogDamagedError` names it. */
  readonly record: string;
  readonly detail: string;
}

export interface LogFolderReport {
  /** `torn`: whole but for a last record that nobody was told of; opening removes it. */
  readonly verdict: "whole" | "torn" | "damaged";
  readonly identity: LogIdentity | undefined;
  /** Whether the log holds all that was promised with it; undefined when it cannot be read. */
  readonly standing: Standing | undefined;
  /** Why it is not whole, as noted when it was made. */
  readonly reason: string;
  /** The highest term in anything that could be read; 0 for none. */
  readonly highestTerm: number;
  /** The highest index in a whole record, or of the log's begin. */
  readonly lastIndex: number;
  readonly snapshotIndex: number | undefined;
  /** Counts of records by their fate. */
  readonly records: Readonly<Record<RecordFate["fate"], number>>;
  /** All that is bad, in the order in which it was found; the first 1,000. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

export class LogVerdicts {
  readonly #onRecord: (fate: RecordFate) => void;
  readonly #findings: Finding[] = [];
  readonly #records: Record<RecordFate["fate"], number> = {
    whole: 0,
    compacted: 0,
    missing: 0,
    altered: 0,
    misplaced: 0,
    unknown: 0,
  };
  #findingsTotal = 0;
  #identity: LogIdentity | undefined;
  #state: StoreState | undefined;
  #marker: MarkerContent | undefined;
  #highestTerm = 0;
  #lastIndex = 0;
  #lastSequence = 0;
  #lastHash: Uint8Array | undefined;
  #torn: RecordFate | undefined;

  constructor(onRecord: (fate: RecordFate) => void) {
    this.#onRecord = onRecord;
  }

  found(record: string, detail: string): void {
    this.#findingsTotal += 1;
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ record, detail });
  }

  caught(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.found(error instanceof LogDamagedError ? error.record : "the database", detail);
  }

  /** What `read` gives; undefined, and a finding, when it throws. */
  tried<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.caught(error);
      return undefined;
    }
  }

  /** Before the first record: what the others must fit. */
  begin(
    identity: LogIdentity | undefined,
    state: StoreState | undefined,
    marker: MarkerContent | undefined,
  ): void {
    this.#identity = identity;
    this.#state = state;
    this.#marker = marker;
    if (state === undefined) return;
    this.#sawTerm(state.hardState.term);
    this.#sawTerm(state.snapshot.metadata.term);
    this.#lastIndex = state.position.index;
    this.#lastSequence = state.firstSequence - 1;
    this.#lastHash = Buffer.from(state.previousHash, "hex");
    if (marker !== undefined && state.generation < marker.generation) {
      this.found("the state", `it is older than generation ${marker.generation}`);
    }
  }

  /** Takes the next record, in the order of their keys. */
  take(sequence: number, value: Uint8Array, digest: Uint8Array | undefined): void {
    if (this.#torn !== undefined) this.#settleTorn();
    if (digest === undefined || this.#state === undefined) {
      this.#judge({ sequence, fate: "unknown", ...NOTHING, detail: "identity or state are gone" });
      return;
    }
    const decoded = decodeRecord(value, digest);
    if (typeof decoded !== "string") this.#sawRecord(decoded);
    if (sequence < this.#state.firstSequence) {
      this.#judge({ sequence, fate: "compacted", ...NOTHING, detail: "" });
      return;
    }
    for (let gone = this.#lastSequence + 1; gone < sequence; gone += 1) this.#missing(gone);
    this.#lastSequence = sequence;
    const fate = this.#fateOf(sequence, decoded);
    // It may be the last one, cut off by a crash.
    if (fate.fate === "whole" || this.#vouchedFor(sequence)) this.#judge(fate);
    else this.#torn = fate;
    this.#lastHash = typeof decoded === "string" ? undefined : decoded.hash;
  }

  report(): LogFolderReport {
    const torn = this.#torn;
    if (torn !== undefined) {
      this.#torn = undefined;
      this.#count(torn);
    }
    if (this.#state !== undefined) {
      for (let gone = this.#lastSequence + 1; this.#vouchedFor(gone); gone += 1) {
        this.#missing(gone);
        if (this.#findingsTotal > FINDINGS_MAX) break;
      }
    }
    const verdict = torn === undefined ? "whole" : "torn";
    return {
      verdict: this.#findingsTotal > 0 ? "damaged" : verdict,
      identity: this.#identity,
      standing: this.#state?.standing,
      reason: this.#state?.reason ?? "",
      highestTerm: this.#highestTerm,
      lastIndex: this.#lastIndex,
      snapshotIndex: this.#state?.snapshot.metadata.index,
      records: { ...this.#records },
      findings: this.#findings,
      findingsTotal: this.#findingsTotal,
    };
  }

  #fateOf(sequence: number, decoded: DecodedRecord | string): RecordFate {
    if (typeof decoded === "string") {
      return { sequence, fate: "altered", ...NOTHING, detail: decoded };
    }
    const { entries, firstIndex, previousHash, hash } = decoded;
    const misplaced = (detail: string): RecordFate => {
      return { sequence, fate: "misplaced", ...NOTHING, detail };
    };
    if (decoded.sequence !== sequence) {
      return misplaced(`it is record ${decoded.sequence} in a wrong place`);
    }
    // Behind a record that is not whole nobody can tell what it should follow.
    if (this.#lastHash !== undefined && Buffer.compare(previousHash, this.#lastHash) !== 0) {
      return misplaced("it does not follow the record before it");
    }
    const marker = this.#marker;
    if (marker?.sequence === sequence && Buffer.compare(hash, marker.hash) !== 0) {
      return misplaced("it is not the record that the marker vouches for");
    }
    if (entries.length > 0) this.#lastIndex = firstIndex + entries.length - 1;
    const first = entries.length > 0 ? firstIndex : undefined;
    return { sequence, fate: "whole", firstIndex: first, entries: entries.length, detail: "" };
  }

  #missing(sequence: number): void {
    this.#lastHash = undefined;
    this.#judge({ sequence, fate: "missing", ...NOTHING, detail: "it is missing" });
  }

  #settleTorn(): void {
    const fate = this.#torn as RecordFate;
    this.#torn = undefined;
    this.#judge(fate);
  }

  #judge(fate: RecordFate): void {
    this.#count(fate);
    if (fate.fate === "whole" || fate.fate === "compacted" || fate.fate === "unknown") return;
    this.found(`record ${fate.sequence}`, fate.detail);
  }

  #count(fate: RecordFate): void {
    this.#records[fate.fate] += 1;
    this.#onRecord(fate);
  }

  #vouchedFor(sequence: number): boolean {
    return this.#marker !== undefined && sequence <= this.#marker.sequence;
  }

  #sawRecord({ hardState, entries }: DecodedRecord): void {
    this.#sawTerm(hardState.term);
    this.#sawTerm(entries.at(-1)?.term ?? 0);
  }

  #sawTerm(term: number): void {
    if (Number.isSafeInteger(term)) this.#highestTerm = Math.max(this.#highestTerm, term);
  }
}

const NOTHING = { firstIndex: undefined, entries: 0 };
