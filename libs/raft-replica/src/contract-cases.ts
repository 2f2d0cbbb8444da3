/**
 * The cases that every `LogStore` must pass, one for each sentence of its contract.
 *
 * Named so that the name follows "LogStore". Called by the suite alone.
 */
import { assert } from "@atoll/stdx";
import type { LogStoreCase } from "./contract-subject.ts";
import {
  CONTRACT_MEMBERSHIP,
  entriesOf,
  entryOf,
  equal,
  equalEntries,
  expectCompacted,
  snapshotOf,
} from "./contract-values.ts";

const TAIL_BYTES_MAX = 1 << 30;
const READ_BYTES_MAX = 1 << 30;

export const LOG_STORE_CASES: readonly (readonly [name: string, steps: LogStoreCase])[] = [
  [
    "opens empty and blank with the founding members",
    ({ recovered }) => {
      equal(recovered.standing, "blank", "standing");
      equal(recovered.hardState, { term: 0, vote: 0, commit: 0 }, "hard state");
      equal(recovered.snapshot.membership, CONTRACT_MEMBERSHIP, "membership");
      equal(recovered.last, { index: 0, term: 0 }, "last");
      equal(recovered.firstIndex, 1, "first index");
      equal(recovered.tail.length, 0, "tail");
      return [];
    },
  ],
  [
    "keeps hard state and entries of all types over a restart",
    (subject) => {
      const entries = [
        entryOf(1, 3, "noop", 0),
        entryOf(2, 3, "data", 1),
        entryOf(3, 3, "membership", 40),
        entryOf(4, 5, "data", 0),
        entryOf(5, 5, "data", 300_000),
      ];
      return [
        subject.write({ hardState: { term: 5, vote: 2, commit: 0 }, entries }),
        subject.readAll(1, 6, (found) => equalEntries(found, entries)),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.hardState, { term: 5, vote: 2, commit: 0 }, "hard state");
          equal(recovered.last, { index: 5, term: 5 }, "last");
          equal(recovered.firstIndex, 1, "first index");
          equal(recovered.tailPrevious, { index: 0, term: 0 }, "before the tail");
          equalEntries(recovered.tail, entries);
        }),
      ];
    },
  ],
  [
    "keeps the hard state when entries are written, and the entries when it is",
    (subject) => [
      subject.write({ hardState: { term: 2, vote: 1, commit: 0 } }),
      subject.write({ entries: entriesOf(1, 3, 2) }),
      subject.write({ hardState: { term: 4, vote: 3, commit: 0 } }),
      subject.reopen(TAIL_BYTES_MAX, (recovered) => {
        equal(recovered.hardState, { term: 4, vote: 3, commit: 0 }, "hard state");
        equalEntries(recovered.tail, entriesOf(1, 3, 2));
      }),
    ],
  ],
  [
    "completes many writes in the order in which they were started",
    (subject) => [
      (next) => {
        const order: number[] = [];
        const count = 50;
        for (let at = 0; at < count; at += 1) {
          const done = subject.goOn(() => {
            order.push(at);
            if (order.length < count) return;
            equal(
              order,
              Array.from({ length: count }, (_, each) => each),
              "order",
            );
            next();
          });
          subject.store.write({ entries: entriesOf(at * 2 + 1, 2, 1) }, done);
        }
      },
      subject.reopen(TAIL_BYTES_MAX, ({ last }) => equal(last, { index: 100, term: 1 }, "last")),
    ],
  ],
  [
    "replaces what a write overlaps, in a read and after a restart",
    (subject) => {
      const expected = [...entriesOf(1, 4, 1), ...entriesOf(5, 3, 2)];
      return [
        subject.write({ entries: entriesOf(1, 10, 1) }),
        subject.write({ hardState: { term: 2, vote: 0, commit: 0 }, entries: entriesOf(5, 3, 2) }),
        subject.readAll(1, 11, (found) => equalEntries(found, expected)),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.last, { index: 7, term: 2 }, "last");
          equalEntries(recovered.tail, expected);
        }),
        subject.write({ hardState: { term: 3, vote: 0, commit: 0 }, entries: entriesOf(1, 1, 3) }),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equalEntries(recovered.tail, entriesOf(1, 1, 3));
        }),
      ];
    },
  ],
  [
    "replaces within writes that are under way",
    (subject) => [
      (next) => {
        const last = { hardState: { term: 3, vote: 1, commit: 0 }, entries: entriesOf(6, 1, 3) };
        subject.store.write({ entries: entriesOf(1, 8, 1) }, () => undefined);
        subject.store.write({ entries: entriesOf(4, 2, 2) }, () => undefined);
        subject.store.write(last, subject.goOn(next));
      },
      subject.reopen(TAIL_BYTES_MAX, (recovered) => {
        const expected = [...entriesOf(1, 3, 1), ...entriesOf(4, 2, 2), ...entriesOf(6, 1, 3)];
        equalEntries(recovered.tail, expected);
      }),
    ],
  ],
  [
    "reads ranges with the position before them, bounded in bytes but one entry at least",
    (subject) => [
      subject.write({ entries: entriesOf(1, 20, 7) }),
      subject.read(5, 9, READ_BYTES_MAX, ({ previous, entries }) => {
        equal(previous, { index: 4, term: 7 }, "previous");
        equalEntries(entries, entriesOf(5, entries.length, 7));
        assert(entries.length >= 1 && entries.length <= 4, `${entries.length} entries`);
      }),
      subject.read(1, 21, 1, ({ previous, entries }) => {
        equal(previous, { index: 0, term: 0 }, "previous");
        equalEntries(entries, entriesOf(1, 1, 7));
      }),
      subject.readAll(18, 40, (found) => equalEntries(found, entriesOf(18, 3, 7))),
    ],
  ],
  [
    "recovers a bounded tail and the position before it",
    (subject) => [
      subject.write({ entries: entriesOf(1, 200, 4) }),
      subject.reopen(2_000, (recovered) => {
        const { tail, tailPrevious, last, firstIndex } = recovered;
        equal(last, { index: 200, term: 4 }, "last");
        equal(firstIndex, 1, "first index");
        equal(tailPrevious.index + tail.length, 200, "the tail ends at the last entry");
        assert(tail.length < 200, "the tail is not bounded");
        equal(tailPrevious.term, tailPrevious.index === 0 ? 0 : 4, "term before the tail");
        equalEntries(tail, entriesOf(tailPrevious.index + 1, tail.length, 4));
      }),
      subject.readAll(1, 201, (found) => equalEntries(found, entriesOf(1, 200, 4))),
    ],
  ],
  [
    "keeps a saved snapshot beside the log, readable in pieces",
    (subject) => {
      const { metadata, chunks, content } = snapshotOf(6, 2, [10, 1, 70_000]);
      return [
        subject.write({ entries: entriesOf(1, 10, 2) }),
        subject.save(metadata, chunks),
        subject.snapshotIs(metadata, content, 999),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.snapshot, metadata, "metadata");
          equal(recovered.firstIndex, 1, "first index");
          equalEntries(recovered.tail, entriesOf(1, 10, 2));
        }),
        subject.snapshotIs(metadata, content, 1 << 20),
      ];
    },
  ],
  [
    "gives only the newest snapshot",
    (subject) => {
      const older = snapshotOf(3, 1, [100]);
      const newer = snapshotOf(8, 1, [50]);
      return [
        subject.write({ entries: entriesOf(1, 10, 1) }),
        subject.save(older.metadata, older.chunks),
        subject.save(newer.metadata, newer.chunks),
        (next) => {
          subject.store.readSnapshot({ index: 3, offset: 0, maxBytes: 100 }, (error) => {
            subject.guarded(() => {
              expectCompacted(error);
              next();
            });
          });
        },
        subject.snapshotIs(newer.metadata, newer.content, 7),
      ];
    },
  ],
  [
    "forgets compacted entries, but none after them nor beyond the snapshot",
    (subject) => {
      const { metadata, chunks } = snapshotOf(50, 1, [20]);
      return [
        // One write for each, as a store may only forget whole records.
        ...entriesOf(1, 60, 1).map((entry) => subject.write({ entries: [entry] })),
        subject.save(metadata, chunks),
        subject.compact(40),
        subject.read(41, 61, READ_BYTES_MAX, ({ previous }) => {
          equal(previous, { index: 40, term: 1 }, "previous");
        }),
        subject.readAll(41, 61, (found) => equalEntries(found, entriesOf(41, 20, 1))),
        subject.compact(60),
        subject.readAll(51, 61, (found) => equalEntries(found, entriesOf(51, 10, 1))),
        subject.readCompacted(1),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          const { firstIndex, last, tailPrevious } = recovered;
          assert(firstIndex > 1 && firstIndex <= 51, `first index ${firstIndex}`);
          equal(last, { index: 60, term: 1 }, "last");
          assert(tailPrevious.index <= 50, `tail after ${tailPrevious.index}`);
        }),
        subject.readCompacted(1),
        subject.write({ entries: entriesOf(61, 1, 1) }),
        subject.readAll(51, 62, (found) => equalEntries(found, entriesOf(51, 11, 1))),
      ];
    },
  ],
  [
    "installs a snapshot in the place of log and state",
    (subject) => {
      const { metadata, chunks, content } = snapshotOf(100, 9, [1_000, 1_000]);
      return [
        subject.write({ hardState: { term: 4, vote: 2, commit: 0 }, entries: entriesOf(1, 30, 4) }),
        subject.install(metadata, chunks, 9),
        subject.readCompacted(30),
        subject.snapshotIs(metadata, content, 300),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.hardState, { term: 9, vote: 0, commit: 0 }, "hard state");
          equal(recovered.snapshot, metadata, "metadata");
          equal(recovered.last, { index: 100, term: 9 }, "last");
          equal(recovered.firstIndex, 101, "first index");
          equal(recovered.tailPrevious, { index: 100, term: 9 }, "before the tail");
          equal(recovered.tail.length, 0, "tail");
        }),
        subject.snapshotIs(metadata, content, 300),
        subject.write({ entries: entriesOf(101, 2, 9) }),
        subject.read(101, 103, READ_BYTES_MAX, ({ previous }) => {
          equal(previous, { index: 100, term: 9 }, "previous");
        }),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equalEntries(recovered.tail, entriesOf(101, 2, 9));
        }),
      ];
    },
  ],
  [
    "drops a longer log when a snapshot is installed",
    (subject) => {
      const { metadata, chunks } = snapshotOf(10, 3, [5]);
      return [
        subject.write({ entries: entriesOf(1, 30, 1) }),
        subject.install(metadata, chunks, 3),
        subject.write({ entries: entriesOf(11, 1, 3) }),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.last, { index: 11, term: 3 }, "last");
          equalEntries(recovered.tail, entriesOf(11, 1, 3));
        }),
      ];
    },
  ],
];
