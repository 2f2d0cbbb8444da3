/**
 * The cases of the `LogStore` contract about the standing of a log.
 *
 * Whether a replica counts hangs on it: a standing that outlives the log it vouches for lets a
 * replica vote that has lost what it promised (docs/adr/0010). Named so that the name follows
 * "LogStore". Called by the suite alone.
 */
import type { Entry } from "raft-ts";
import type { LogStoreCase, LogStoreSubject } from "./contract-subject.ts";
import { entriesOf, equal, equalEntries, snapshotOf } from "./contract-values.ts";

const TAIL_BYTES_MAX = 1 << 30;
/** A store that loses writes which are under way loses others each time. */
const BREAKS = 12;

export const STANDING_CASES: readonly (readonly [name: string, steps: LogStoreCase])[] = [
  [
    "keeps the standing that a write gives until another write gives one",
    (subject) => {
      const { metadata, chunks } = snapshotOf(10, 5, [5]);
      const hardState = { term: 4, vote: 2, commit: 0 };
      return [
        subject.reopen(TAIL_BYTES_MAX, ({ standing }) => equal(standing, "blank", "standing")),
        subject.write({ entries: entriesOf(1, 2, 1), standing: "founded" }),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.standing, "founded", "standing");
          equalEntries(recovered.tail, entriesOf(1, 2, 1));
        }),
        subject.write({ hardState, standing: "whole" }),
        subject.reopen(TAIL_BYTES_MAX, (recovered) => {
          equal(recovered.standing, "whole", "standing");
          equal(recovered.hardState, hardState, "hard state");
        }),
        subject.write({ entries: entriesOf(3, 2, 4) }),
        subject.install(metadata, chunks, 5),
        subject.reopen(TAIL_BYTES_MAX, ({ standing }) => equal(standing, "whole", "standing")),
      ];
    },
  ],
  [
    "gives no standing without the write that gave it and all before that",
    (subject) => Array.from({ length: BREAKS }, () => (next) => breakOff(subject, next)),
  ],
];

/** Starts writes, the last with a standing, and reopens while they are under way. */
function breakOff(subject: LogStoreSubject, next: () => void): void {
  const { last, standing: before } = subject.recovered;
  const given = before === "founded" ? "whole" : "founded";
  const [first, second, third] = entriesOf(last.index + 1, 3, 1) as [Entry, Entry, Entry];
  subject.store.write({ entries: [first] }, () => undefined);
  subject.store.write({ entries: [second, third], standing: given }, () => undefined);
  subject.reopen(TAIL_BYTES_MAX, (recovered) => {
    if (recovered.standing === before) return;
    equal(recovered.standing, given, "standing");
    equal(recovered.last, { index: third.index, term: 1 }, "last");
  })(next);
}
