/**
 * The verdicts of an offline verification, record by record, and what they come to.
 *
 * The same checks as at opening, by the same functions, but it goes on behind what is bad: a reader
 * wants to know all that is left. What a bad or missing record leaves unknown is picked up again
 * from the next whole one. Used by `verifyLogFolder` alone.
 */
import type { HardState, Standing } from "raft-ts";
import type { MarkerContent } from "./durable-marker.ts";
import { LogDamagedError } from "./errors.ts";
import type { LogIdentity } from "./identity.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import { RecordIndex } from "./record-index.ts";
import {
  endMisfit,
  type Finding,
  recordMisfit,
  type RecordsBefore,
  stateMisfit,
} from "./record-misfit.ts";
import type { StoreState } from "./store-state.ts";

/** More than so many are counted and not listed. */
const FINDINGS_MAX = 1_000;

export interface LogFolderReport {
  /** `torn`: whole but for a last record that nobody was told of; opening removes it. */
  readonly verdict: "whole" | "torn" | "damaged";
  readonly identity: LogIdentity | undefined;
  /** Whether the log holds all that was promised with it; undefined when it cannot be read. */
  readonly standing: Standing | undefined;
  /** The highest term in anything that could be read; 0 for none. */
  readonly highestTerm: number;
  /** Where the log ends, as the last whole record says, or the log's begin where there is none. */
  readonly lastIndex: number;
  /** All that is bad, in the order in which it was found; the first 1,000. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

export class LogVerdicts {
  readonly #findings: Finding[] = [];
  #findingsTotal = 0;
  #identity: LogIdentity | undefined;
  #state: StoreState | undefined;
  #marker: MarkerContent | undefined;
  #highestTerm = 0;
  #lastIndex = 0;
  #lastSequence = 0;
  /** Of the record before, and the entries up to it; undefined where that is not whole. */
  #lastHash: Uint8Array | undefined;
  #index: RecordIndex | undefined;
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** The record just taken, when it is not whole and may be the last one, cut off by a crash. */
  #torn: { readonly sequence: number; readonly detail: string } | undefined;

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
    this.#index = new RecordIndex(state.position);
    this.#hardState = state.hardState;
    const misfit = marker === undefined ? undefined : stateMisfit(state, marker);
    if (misfit !== undefined) this.found(misfit.record, misfit.detail);
  }

  /**
   * Takes the next record, in their order. Without identity and state it cannot be judged; before
   * the log's begin it counts no more and is only read for its term.
   */
  take(sequence: number, value: Uint8Array, digest: Uint8Array | undefined): void {
    if (this.#torn !== undefined) this.#lose(this.#torn.sequence, this.#torn.detail);
    this.#torn = undefined;
    const state = this.#state;
    if (digest === undefined || state === undefined) return;
    const decoded = decodeRecord(value, digest);
    if (typeof decoded !== "string") this.#sawRecord(decoded);
    if (sequence < state.firstSequence) return;
    for (let gone = this.#lastSequence + 1; gone < sequence; gone += 1) this.#missing(gone);
    this.#lastSequence = sequence;
    const log = { state, marker: this.#marker };
    const detail =
      typeof decoded === "string" ? decoded : recordMisfit(decoded, sequence, this.#before, log);
    if (detail === undefined) this.#accept(decoded as DecodedRecord);
    else if (this.#vouchedFor(sequence)) this.#lose(sequence, detail);
    else this.#torn = { sequence, detail };
  }

  report(): LogFolderReport {
    const state = this.#state;
    if (state !== undefined) {
      for (let gone = this.#lastSequence + 1; this.#vouchedFor(gone); gone += 1) {
        this.#missing(gone);
        if (this.#findingsTotal > FINDINGS_MAX) break;
      }
      const misfit = endMisfit(state, this.#before);
      if (misfit !== undefined) this.found(misfit.record, misfit.detail);
    }
    const verdict = this.#torn === undefined ? "whole" : "torn";
    return {
      verdict: this.#findingsTotal > 0 ? "damaged" : verdict,
      identity: this.#identity,
      standing: state?.standing,
      highestTerm: this.#highestTerm,
      lastIndex: this.#lastIndex,
      findings: this.#findings,
      findingsTotal: this.#findingsTotal,
    };
  }

  get #before(): RecordsBefore {
    return { hash: this.#lastHash, hardState: this.#hardState, index: this.#index };
  }

  #accept({ sequence, firstIndex, previousTerm, hardState, entries, hash }: DecodedRecord): void {
    this.#lastHash = hash;
    this.#hardState = hardState;
    // Where the entries before are not known, the record itself says where they end.
    if (this.#index === undefined || firstIndex <= this.#index.begin) {
      this.#index = new RecordIndex({ index: firstIndex - 1, term: previousTerm });
    }
    if (entries.length > 0) this.#index.append(sequence, entries);
    this.#lastIndex = this.#index.last.index;
  }

  #missing(sequence: number): void {
    this.#lose(sequence, "it is missing");
  }

  /** Nobody can tell what the record behind this one should follow. */
  #lose(sequence: number, detail: string): void {
    this.found(`record ${sequence}`, detail);
    this.#lastHash = undefined;
    this.#index = undefined;
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
