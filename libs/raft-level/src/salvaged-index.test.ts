/**
 * What is left of a log with holes is certain, and peers that know the rest make it whole.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import type { DecodedRecord } from "./record.ts";
import { SalvagedIndex, type UnknownSpan } from "./salvaged-index.ts";
import { entries, seedOf } from "./testing/harness.ts";
import { type HistoryStep, randomHistory } from "./testing/log-history.ts";

const BEGIN = { index: 0, term: 0 };
const HARD_STATE = { term: 1, vote: 0, commit: 0 };

/** The records of a history, as a store would have written them. */
function recordsOf(history: readonly HistoryStep[]): DecodedRecord[] {
  return history.map(({ entries, hardState, log }, at) => {
    const firstIndex = entries[0]?.index ?? log.length + 1;
    return {
      sequence: at + 1,
      firstIndex,
      count: entries.length,
      previousTerm: log[firstIndex - 2]?.term ?? 0,
      hardState,
      previousHash: new Uint8Array(16),
      entries,
      hash: new Uint8Array(16),
    };
  });
}

function salvaged(records: readonly DecodedRecord[], lost: ReadonlySet<number>): SalvagedIndex {
  const index = new SalvagedIndex(BEGIN);
  let commit = 0;
  let hole = false;
  for (const record of records) {
    if (lost.has(record.sequence)) {
      index.lose(commit);
    } else {
      assert.equal(index.place(record, hole), undefined);
      commit = record.hardState.commit;
    }
    hole = lost.has(record.sequence);
  }
  return index;
}

/** All that is said to be certain is what the undamaged log has. */
function assertCertain(
  index: SalvagedIndex,
  records: readonly DecodedRecord[],
  log: readonly Entry[],
): number {
  let held = 0;
  assert.equal(index.lastIndex, log.length);
  for (const entry of log) {
    if (!index.holds(entry.index)) continue;
    held += 1;
    const source = index.sourceOf(entry.index);
    const found =
      typeof source === "number"
        ? records[source - 1]?.entries.find((each) => each.index === entry.index)
        : source;
    assert.deepEqual(found, entry);
  }
  for (const { to, termAtTo } of index.spans) assert.equal(termAtTo, log[to - 1]?.term);
  return held;
}

test("fill() takes in so many bytes and no more", () => {
  const index = new SalvagedIndex(BEGIN, 400);
  const log = entries(1, 10);
  const record = recordsOf([{ entries: log.slice(8), hardState: HARD_STATE, log }])[0];
  index.lose(0);
  assert.equal(index.place(record as DecodedRecord, true), undefined);
  assert.equal(index.fill(log.slice(6, 8), 1), undefined);
  assert.equal(index.isFull, false);
  assert.match(index.fill(log.slice(4, 6), 1) ?? "", /more than 400 bytes/);
  assert.equal(index.isFull, true);
  assert.deepEqual(index.spans, [{ from: 1, to: 6, termAtTo: 1 }]);
});

/** The end of a span, as a peer gives it that does not know the entry at `unknown`. */
function answer(
  log: readonly Entry[],
  { from, to }: UnknownSpan,
  countMax: number,
  unknown: number,
): { readonly entries: readonly Entry[]; readonly previousTerm: number } {
  const first = Math.max(from, to - countMax + 1, unknown < to ? unknown + 1 : 0);
  return { entries: log.slice(first - 1, to), previousTerm: log[first - 2]?.term ?? 0 };
}

test("a log with lost records is what it was once a peer has filled it", (context) => {
  const prng = new Prng(seedOf(context));
  const seen = { missing: 0, kept: 0, dropped: 0, confirmed: 0, refused: 0 };
  for (let round = 0; round < 3_000; round += 1) {
    const history = randomHistory(prng, prng.between(2, 30));
    const records = recordsOf(history);
    const log = (history.at(-1) as HistoryStep).log;
    const lost = new Set<number>();
    for (let count = prng.between(1, 4); count > 0; count -= 1) {
      lost.add(prng.between(1, records.length - 1));
    }
    const index = salvaged(records, lost);
    let held = assertCertain(index, records, log);
    seen.kept += held;
    if (index.spans.length === 0) seen.dropped += 1;
    while (index.spans.length > 0) {
      const span = index.spans[prng.below(index.spans.length)] as UnknownSpan;
      const { entries, previousTerm } = answer(log, span, prng.between(1, 3), 0);
      const changed = entries.map((each) => ({ ...each, term: each.term + 1 }));
      assert.notEqual(index.fill(changed, previousTerm), undefined);
      seen.refused += 1;
      assert.equal(index.fill(entries, previousTerm), undefined);
      seen.missing += entries.length;
      const now = assertCertain(index, records, log);
      if (now > held + entries.length) seen.confirmed += 1;
      held = now;
    }
    assert.equal(held, log.length);
  }
  context.diagnostic(JSON.stringify(seen));
  // Each of these is another way in which a hole ends.
  for (const count of Object.values(seen)) assert.ok(count > 100, JSON.stringify(seen));
});

test("three logs that lost different records each make one another whole", (context) => {
  const prng = new Prng(seedOf(context));
  let rounds = 0;
  for (let round = 0; round < 1_000; round += 1) {
    const history = randomHistory(prng, 20);
    const records = recordsOf(history);
    const log = (history.at(-1) as HistoryStep).log;
    // In different places, so that what is in doubt for one lies far from what others lost.
    const losses = [prng.between(2, 5), prng.between(8, 11), prng.between(14, 17)];
    const indexes = losses.map((lost) => salvaged(records, new Set([lost])));
    let before = -1;
    for (;;) {
      const held = indexes.map((index) => assertCertain(index, records, log));
      const total = held.reduce((sum, each) => sum + each);
      if (total === before) break;
      before = total;
      for (const index of indexes) {
        for (const other of indexes) fillFrom(index, other, log);
      }
    }
    if (indexes.every(({ spans }) => spans.length === 0)) rounds += 1;
    // Only an entry that is lost or in doubt everywhere can be missing at the end.
    for (const { spans } of indexes) {
      for (const { to } of spans) {
        assert.ok(
          indexes.every((index) => !index.holds(to)),
          `entry ${to} was there`,
        );
      }
    }
  }
  context.diagnostic(`${rounds} of 1000 groups are whole`);
  assert.ok(rounds > 900);
});

function fillFrom(index: SalvagedIndex, other: SalvagedIndex, log: readonly Entry[]): void {
  for (const span of index.spans) {
    let unknown = span.to;
    while (unknown >= span.from && other.holds(unknown)) unknown -= 1;
    if (unknown === span.to) continue;
    const { entries, previousTerm } = answer(log, span, Infinity, unknown);
    assert.equal(other.termAt(span.to - entries.length), previousTerm);
    assert.equal(index.fill(entries, previousTerm), undefined);
  }
}

test("fill() refuses what is not missing, and changes nothing", () => {
  const record = (sequence: number, firstIndex: number, previousTerm: number, term: number) => ({
    sequence,
    firstIndex,
    count: 2,
    previousTerm,
    hardState: { term, vote: 0, commit: 0 },
    previousHash: new Uint8Array(16),
    entries: entries(firstIndex, 2, term),
    hash: new Uint8Array(16),
  });
  const index = new SalvagedIndex(BEGIN);
  index.place(record(1, 1, 0, 1), false);
  index.lose(2);
  index.place(record(3, 7, 2, 3), true);
  assert.deepEqual(index.spans, [{ from: 3, to: 6, termAtTo: 2 }]);
  const [third, ...others] = entries(3, 4, 2);
  const cases: readonly (readonly [string, readonly Entry[], number])[] = [
    ["nothing", [], 1],
    ["of another place", entries(3, 3, 2), 1],
    ["of another term at the end", entries(3, 4, 1), 1],
    ["more than is missing", entries(2, 5, 2), 1],
    ["a gap", [third as Entry, ...others.slice(1)], 1],
    ["a term that goes back", entries(4, 3, 2), 3],
    ["another entry before them", entries(3, 4, 2), 2],
  ];
  for (const [name, found, previousTerm] of cases) {
    assert.notEqual(index.fill(found, previousTerm), undefined, name);
    assert.deepEqual(index.spans, [{ from: 3, to: 6, termAtTo: 2 }], name);
  }
  assert.equal(index.fill(entries(5, 2, 2), 1), undefined);
  assert.deepEqual(index.spans, [{ from: 3, to: 4, termAtTo: 1 }]);
  assert.equal(index.fill(entries(3, 2, 1), 1), undefined);
  assert.deepEqual(index.spans, []);
});

test("place() refuses a record that contradicts what is certain", () => {
  const record = (firstIndex: number, previousTerm: number) => ({
    sequence: 3,
    firstIndex,
    count: 1,
    previousTerm,
    hardState: { term: 3, vote: 0, commit: 0 },
    previousHash: new Uint8Array(16),
    entries: entries(firstIndex, 1, 3),
    hash: new Uint8Array(16),
  });
  const misfit = (commit: number, firstIndex: number, previousTerm: number): string | undefined => {
    const index = new SalvagedIndex({ index: 10, term: 1 });
    index.place({ ...record(11, 1), entries: entries(11, 3, 1) }, false);
    index.lose(commit);
    return index.place(record(firstIndex, previousTerm), true);
  };
  assert.match(misfit(13, 13, 2) ?? "", /term at 12 is not 2/);
  assert.match(misfit(13, 11, 2) ?? "", /term at 10 is not 2/);
  assert.match(misfit(13, 10, 1) ?? "", /before the log's begin/);
  assert.equal(misfit(11, 13, 2), undefined);
});
