/**
 * A long random history for a `LogStore`, beside a model that keeps everything.
 *
 * Finds what no single case thought of. Called by the suite alone.
 */
import type { Prng } from "@atoll/stdx";
import { assert } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import type { LogStoreSubject, Step } from "./contract-subject.ts";
import { entriesOf, equal, equalEntries, snapshotOf } from "./contract-values.ts";

const RANDOM_STEPS = 300;
const TAIL_BYTES_MAX = 1 << 30;

/**
 * Random writes, overlaps, snapshots, compactions and restarts beside a model that keeps
 * everything.
 */
export function randomHistory(subject: LogStoreSubject, prng: Prng): readonly Step[] {
  const model = {
    entries: [] as Entry[],
    hardState: { term: 1, vote: 0 },
    snapshot: { index: 0, term: 0 },
    /** What must stay readable begins here. */
    keptFrom: 1,
    /** Installed snapshots begin the log behind these. */
    offset: 0,
  };
  const termAt = (index: number): number =>
    index === model.offset
      ? model.snapshot.term
      : (model.entries[index - model.offset - 1]?.term ?? 0);
  const lastIndex = (): number => model.offset + model.entries.length;

  const writeSome: Step = (next) => {
    const lowest = Math.max(model.snapshot.index, model.offset) + 1;
    const overlap = prng.chance(1, 4) ? prng.below(lastIndex() + 2 - lowest) : 0;
    const from = lastIndex() + 1 - overlap;
    if (overlap > 0) model.hardState = { term: model.hardState.term + 1, vote: prng.below(4) };
    const { term } = model.hardState;
    const entries = entriesOf(from, prng.between(1, 30), term);
    model.entries = [...model.entries.slice(0, from - model.offset - 1), ...entries];
    subject.write({ hardState: model.hardState, entries })(next);
  };
  const saveSome: Step = (next) => {
    const floor = Math.max(model.snapshot.index, model.offset);
    if (lastIndex() <= floor) return next();
    const index = prng.between(floor + 1, lastIndex());
    const { metadata, chunks } = snapshotOf(index, termAt(index), [prng.below(3_000) + 1]);
    model.snapshot = { index, term: metadata.term };
    subject.save(metadata, chunks)(next);
  };
  const compactSome: Step = (next) => {
    if (model.snapshot.index === 0) return next();
    const through = prng.between(1, model.snapshot.index);
    model.keptFrom = Math.max(model.keptFrom, through + 1);
    subject.compact(through)(next);
  };
  const installSome: Step = (next) => {
    const index = lastIndex() + prng.between(1, 50);
    model.hardState = { term: model.hardState.term + 1, vote: 0 };
    const { term } = model.hardState;
    const { metadata, chunks } = snapshotOf(index, term, [prng.below(2_000) + 1]);
    model.snapshot = { index, term };
    model.entries = [];
    model.offset = index;
    model.keptFrom = index + 1;
    subject.install(metadata, chunks, term)(next);
  };
  const readSome: Step = (next) => {
    if (model.keptFrom > lastIndex()) return next();
    const from = prng.between(model.keptFrom, lastIndex());
    const expected = model.entries.slice(from - model.offset - 1);
    subject.readAll(from, lastIndex() + 1, (found) => equalEntries(found, expected))(next);
  };
  const reopenNow: Step = (next) => {
    subject.reopen(prng.pick([1, 1_000, TAIL_BYTES_MAX]), (recovered) => {
      equal(recovered.hardState, model.hardState, "hard state");
      equal(recovered.last, { index: lastIndex(), term: termAt(lastIndex()) }, "last");
      equal(recovered.snapshot.index, model.snapshot.index, "snapshot");
      assert(recovered.firstIndex <= model.keptFrom, `first index ${recovered.firstIndex}`);
      const before = recovered.tailPrevious.index;
      equalEntries(recovered.tail, model.entries.slice(Math.max(0, before - model.offset)));
    })(next);
  };
  const first: Step = (next) => subject.write({ hardState: model.hardState })(next);
  const steps: Step[] = [first];
  for (let step = 0; step < RANDOM_STEPS; step += 1) {
    const draw = prng.below(20);
    if (draw < 11) steps.push(writeSome);
    else if (draw < 13) steps.push(saveSome);
    else if (draw < 15) steps.push(compactSome);
    else if (draw < 16) steps.push(installSome);
    else if (draw < 18) steps.push(readSome);
    else steps.push(reopenNow);
  }
  return [...steps, reopenNow, readSome];
}
