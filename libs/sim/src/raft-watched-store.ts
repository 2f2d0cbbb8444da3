/**
 * The store of a simulated member with the checkers between it and the replica.
 *
 * What is written is shown to the checkers before, and the replica is looked at after each
 * completion. Made anew for each life of a member.
 */
import type { LogStore } from "@atoll/raft-replica";
import type { RaftCheckers } from "./raft-checkers.ts";
import type { RaftCounters } from "./raft-counters.ts";
import type { SimulatedReplica } from "./raft-member.ts";
import { DiskFailedError } from "./simulated-disk.ts";
import { Violation } from "./violation.ts";

export function watchedStore(
  member: SimulatedReplica,
  told: {
    readonly checkers: RaftCheckers;
    readonly counters: RaftCounters;
    /** Has the checkers look at the replica. */
    readonly observe: () => void;
  },
): LogStore {
  const { store, id } = member;
  const { counters, checkers, observe } = told;
  const writtenTo = { index: store.durable.lastIndex };
  const observed =
    (done: (error: Error | undefined) => void) =>
    (error: Error | undefined): void => {
      done(error);
      observe();
    };
  return {
    write: (write, done) => {
      const first = write.entries?.[0];
      if (first !== undefined) {
        observe();
        if (first.index <= writtenTo.index) counters.entriesReplaced += 1;
        checkers.wrote(id, write, (index) => store.current.termAt(index));
        writtenTo.index = (write.entries?.at(-1) ?? first).index;
      }
      store.write(write, observed(done));
    },
    readEntries: (range, done) => {
      counters.entriesReadBack += 1;
      store.readEntries(range, (error, found) => {
        done(error, found);
        mustStop(member, error);
        observe();
      });
    },
    saveSnapshot: (metadata, chunks, done) => {
      counters.snapshotsTaken += 1;
      if (metadata.membership.outgoing.length > 0) counters.snapshotsDuringJoint += 1;
      store.saveSnapshot(metadata, chunks, observed(done));
    },
    installSnapshot: (metadata, chunks, hardState, done) => {
      counters.snapshotsInstalled += 1;
      if (metadata.membership.outgoing.length > 0) counters.snapshotsDuringJoint += 1;
      checkers.installs(id, metadata, store.current);
      writtenTo.index = metadata.index;
      store.installSnapshot(metadata, chunks, hardState, observed(done));
    },
    readSnapshot: (range, done) => {
      store.readSnapshot(range, (error, chunk) => {
        done(error, chunk);
        // One that a newer snapshot has replaced is needed no more.
        if (range.index === store.current.metadata.index) mustStop(member, error);
        observe();
      });
    },
    compact: (through, done) => store.compact(through, observed(done)),
  };
}

/** A replica whose disk did not give what it holds has stopped, and answers nobody by a guess. */
function mustStop({ id, failed }: SimulatedReplica, error: Error | undefined): void {
  if (error instanceof DiskFailedError && !failed) {
    throw new Violation(`${id} goes on after its disk failed: ${error.message}`);
  }
}
