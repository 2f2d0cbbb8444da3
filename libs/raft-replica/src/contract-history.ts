/**
 * A long random history for a `LogStore`, beside a model that keeps everything.
 *
 * Finds what no single case thought of. Called by the suite alone.
 */
import type { Prng } from "@atoll/stdx";
import { assert } from "@atoll/stdx";
import type { Entry, HardState, LogPosition, SnapshotMetadata } from "raft-ts";
import type { LogStoreSubject, Step } from "./contract-subject.ts";
import { entriesOf, equal, equalEntries, snapshotOf } from "./contract-values.ts";

const RANDOM_STEPS = 300;
const TAIL_BYTES_MAX = 1 << 30;

/** Random writes, overlaps, snapshots, compactions, installations and restarts. */
export function randomHistory(subject: LogStoreSubject, prng: Prng): readonly Step[] {
  const history = new RandomHistory(subject, prng);
  const steps: Step[] = [(next) => history.begin(next)];
  for (let step = 0; step < RANDOM_STEPS; step += 1) {
    const draw = prng.below(20);
    if (draw < 11) steps.push((next) => history.write(next));
    else if (draw < 13) steps.push((next) => history.save(next));
    else if (draw < 15) steps.push((next) => history.compact(next));
    else if (draw < 16) steps.push((next) => history.install(next));
    else if (draw < 18) steps.push((next) => history.read(next));
    else steps.push((next) => history.reopen(next));
  }
  return [...steps, (next) => history.reopen(next), (next) => history.read(next)];
}

/** The model, and one method for each kind of step. */
class RandomHistory {
  readonly #subject: LogStoreSubject;
  readonly #prng: Prng;
  #hardState: HardState = { term: 1, vote: 0, commit: 0 };
  #snapshot: LogPosition = { index: 0, term: 0 };
  /** Entries behind `#offset`, the index of the newest installed snapshot. */
  #entries: Entry[] = [];
  #offset = 0;
  /** What must stay readable begins here. */
  #keptFrom = 1;

  constructor(subject: LogStoreSubject, prng: Prng) {
    this.#subject = subject;
    this.#prng = prng;
  }

  begin(next: () => void): void {
    this.#subject.write({ hardState: this.#hardState })(next);
  }

  write(next: () => void): void {
    const prng = this.#prng;
    const lowest = this.#snapshot.index + 1;
    const overlap = prng.chance(1, 4) ? prng.below(this.#lastIndex() + 2 - lowest) : 0;
    const from = this.#lastIndex() + 1 - overlap;
    if (overlap > 0)
      this.#hardState = { term: this.#hardState.term + 1, vote: prng.below(4), commit: 0 };
    const entries = entriesOf(from, prng.between(1, 30), this.#hardState.term);
    this.#entries = [...this.#entries.slice(0, from - this.#offset - 1), ...entries];
    this.#subject.write({ hardState: this.#hardState, entries })(next);
  }

  save(next: () => void): void {
    if (this.#lastIndex() <= this.#snapshot.index) return next();
    const index = this.#prng.between(this.#snapshot.index + 1, this.#lastIndex());
    const { metadata, chunks } = this.#newSnapshot(index, this.#termAt(index));
    this.#subject.save(metadata, chunks)(next);
  }

  compact(next: () => void): void {
    if (this.#snapshot.index === 0) return next();
    const through = this.#prng.between(1, this.#snapshot.index);
    this.#keptFrom = Math.max(this.#keptFrom, through + 1);
    this.#subject.compact(through)(next);
  }

  install(next: () => void): void {
    const index = this.#lastIndex() + this.#prng.between(1, 50);
    this.#hardState = { term: this.#hardState.term + 1, vote: 0, commit: 0 };
    const { metadata, chunks } = this.#newSnapshot(index, this.#hardState.term);
    this.#entries = [];
    this.#offset = index;
    this.#keptFrom = index + 1;
    this.#subject.install(metadata, chunks, this.#hardState.term)(next);
  }

  read(next: () => void): void {
    const lastIndex = this.#lastIndex();
    if (this.#keptFrom > lastIndex) return next();
    const from = this.#prng.between(this.#keptFrom, lastIndex);
    const expected = this.#entries.slice(from - this.#offset - 1);
    this.#subject.readAll(from, lastIndex + 1, (found) => equalEntries(found, expected))(next);
  }

  reopen(next: () => void): void {
    const tailBytesMax = this.#prng.pick([1, 1_000, TAIL_BYTES_MAX]);
    const index = this.#lastIndex();
    this.#subject.reopen(tailBytesMax, (recovered) => {
      equal(recovered.hardState, this.#hardState, "hard state");
      equal(recovered.last, { index, term: this.#termAt(index) }, "last");
      equal(recovered.snapshot.index, this.#snapshot.index, "snapshot");
      assert(recovered.firstIndex <= this.#keptFrom, `first index ${recovered.firstIndex}`);
      const skipped = Math.max(0, recovered.tailPrevious.index - this.#offset);
      equalEntries(recovered.tail, this.#entries.slice(skipped));
    })(next);
  }

  #newSnapshot(
    index: number,
    term: number,
  ): { readonly metadata: SnapshotMetadata; readonly chunks: readonly Uint8Array[] } {
    this.#snapshot = { index, term };
    return snapshotOf(index, term, [this.#prng.below(3_000) + 1]);
  }

  #termAt(index: number): number {
    if (index === this.#offset) return this.#snapshot.term;
    return this.#entries[index - this.#offset - 1]?.term ?? 0;
  }

  #lastIndex(): number {
    return this.#offset + this.#entries.length;
  }
}
