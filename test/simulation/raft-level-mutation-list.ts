/**
 * Known ways to break the log on disk, each one change of a line.
 *
 * The simulator has a disk of its own and never sees these; the package's tests must. The text to
 * find must be there exactly once. Used by raft-mutations.ts alone.
 */
import type { Mutation } from "./raft-mutation-list.ts";

const LEVEL = "raft-level/src";

export const LEVEL_MUTATIONS: readonly Mutation[] = [
  {
    name: "a record's own checksum is not looked at",
    file: `${LEVEL}/record.ts`,
    find: "if (buffer.readUInt32LE(8) !== crc32(buffer.subarray(12))) return",
    replace: "if (buffer.length < 0) return",
  },
  {
    name: "a record of another replica is taken in",
    file: `${LEVEL}/record.ts`,
    find: "if (Buffer.compare(buffer.subarray(16, 32), identity) !== 0)",
    replace: "if (identity.length < 0)",
  },
  {
    name: "the chain of hashes is not looked at",
    file: `${LEVEL}/record-misfit.ts`,
    find: "Buffer.compare(record.previousHash, before.hash) !== 0",
    replace: "false",
  },
  {
    name: "a bad record in the middle counts as a torn tail",
    file: `${LEVEL}/recovery.ts`,
    find: "if (this.#bad !== undefined) throw damagedRecord(this.#bad.sequence, this.#bad.reason);",
    replace: "if (this.#bad !== undefined) return;",
  },
  {
    name: "a durable tail that is missing is not missed",
    file: `${LEVEL}/recovery.ts`,
    find: "if (marker.sequence > this.#lastSequence) {",
    replace: "if (marker.sequence < 0) {",
  },
  {
    name: "another record in the place of the last durable one is taken in",
    file: `${LEVEL}/record-misfit.ts`,
    find: "if (marker?.sequence === sequence && ",
    replace: "if (sequence < 0 && ",
  },
  {
    name: "an older state is taken in",
    file: `${LEVEL}/record-misfit.ts`,
    find: "if (state.generation >= marker.generation) return undefined;",
    replace: "if (state.generation >= 0) return undefined;",
  },
  {
    name: "a torn tail is not removed",
    file: `${LEVEL}/recovery.ts`,
    find: "if (this.#bad !== undefined) await database.remove(recordRange(this.#bad.sequence));",
    replace: "",
  },
  {
    name: "a snapshot is not verified at start",
    file: `${LEVEL}/recovery.ts`,
    find: "await verifySnapshot(database, state.snapshot);",
    replace: "",
  },
  {
    name: "a log of another replica is opened",
    file: `${LEVEL}/open-log.ts`,
    find: "found.groupId === wanted.groupId && found.replicaId === wanted.replicaId",
    replace: "found.groupId === wanted.groupId",
  },
  {
    name: "a marker that is missing is made anew",
    file: `${LEVEL}/open-log.ts`,
    find: "if (state.generation > 1 || !(await isEmpty(database))) {",
    replace: "if (state.generation < 0) {",
  },
  {
    name: "a damaged slot of the marker counts",
    file: `${LEVEL}/durable-marker.ts`,
    find: "slot.readUInt32LE(4) !== crc32c(slot, 0, 8)",
    replace: "slot.length < 0",
  },
  {
    name: "a write is acknowledged before it is on disk",
    file: `${LEVEL}/level-log-store.ts`,
    find: "await this.#database.put(recordKey(sequence), record);",
    replace: "void this.#database.put(recordKey(sequence), record).catch(() => {});",
  },
  {
    name: "compaction goes beyond the snapshot",
    file: `${LEVEL}/level-log-store.ts`,
    find: "Math.min(wanted, this.#state.snapshot.metadata.index, this.#index.last.index)",
    replace: "Math.min(wanted, this.#index.last.index)",
  },
  {
    name: "the state is changed in memory alone",
    file: `${LEVEL}/level-log-store.ts`,
    find: "await this.#database.put(STATE_KEY, encodeState(state));",
    replace: "",
  },
  {
    name: "a failed write is followed by others",
    file: `${LEVEL}/write-lane.ts`,
    find: "if (error !== undefined && !harmless) this.fail(toFailure(error));",
    replace: "",
  },
  {
    name: "merged writes keep entries that were replaced",
    file: `${LEVEL}/merge-writes.ts`,
    find: "own.length = kept;",
    replace: "",
  },
  {
    name: "merged writes keep the first vote",
    file: `${LEVEL}/merge-writes.ts`,
    find: "hardState = write.hardState ?? hardState;",
    replace: "hardState ??= write.hardState;",
  },
  {
    name: "records are not synced",
    file: `${LEVEL}/segment-file.ts`,
    find: "return constants.O_DSYNC;",
    replace: "return 0;",
  },
  {
    name: "a record may be written where zeros are being written",
    file: `${LEVEL}/segment-file.ts`,
    find: "if (next > this.#filled) await this.#filling;",
    replace: "",
  },
  {
    name: "a write that the disk took in part counts as done",
    file: `${LEVEL}/segment-file.ts`,
    find: "while (done < wanted) {",
    replace: "while (done < 0) {",
  },
  {
    name: "records behind a damaged frame are not looked for",
    file: `${LEVEL}/segment-scan.ts`,
    find: "(await scan.frameAt(at)) ?? (await scan.frameBehind(at))",
    replace: "await scan.frameAt(at)",
  },
  {
    name: "the checksum of a frame is not looked at",
    file: `${LEVEL}/segment-frame.ts`,
    find: "if (window.readUInt32LE(offset + 16) !== crc32c(window, seed, offset, offset + 16)) {",
    replace: "if (seed < 0) {",
  },
  {
    name: "a segment in the place of another is opened",
    file: `${LEVEL}/segment-frame.ts`,
    find: "return found === BigInt(number) ? checksum :",
    replace: "return found >= 0n ? checksum :",
  },
  {
    name: "a repaired log may be lost with the damaged one",
    file: `${LEVEL}/repair-log.ts`,
    find: "await rename(writing, finished);\n    await syncFolder(dirname(folder));",
    replace: "await rename(writing, finished);",
  },
  {
    name: "a repaired log that counts no more stays",
    file: `${LEVEL}/finish-repair.ts`,
    find: "await rm(finished, { recursive: true, force: true });",
    replace: "",
  },
  {
    name: "a start does not look for a repaired log",
    file: `${LEVEL}/open-log.ts`,
    find: "await finishRepair(options.folder);",
    replace: "",
  },
  {
    name: "a repaired log takes the damaged one's state for its own",
    file: `${LEVEL}/repair-log.ts`,
    find: "generation: state.generation + 1,",
    replace: "generation: state.generation,",
  },
  {
    name: "a log is salvaged whose end nobody vouches for",
    file: `${LEVEL}/salvage-log.ts`,
    find: "if (!this.#vouched) {",
    replace: "if (this.#lastSequence < 0) {",
  },
  {
    name: "a log is salvaged that was recovering",
    file: `${LEVEL}/salvage-log.ts`,
    find: 'if (state.standing !== "whole") {',
    replace: 'if (state.standing === "founded") {',
  },
  {
    name: "what a hole may have replaced is certain",
    file: `${LEVEL}/salvaged-index.ts`,
    find: "if (this.#doubts[at] === 0) this.#doubts[at] = this.#holes;",
    replace: "",
  },
  {
    name: "entries with another end than the gap's are filled in",
    file: `${LEVEL}/salvaged-index.ts`,
    find: "if (last.term !== span.termAtTo) return",
    replace: "if (last.term < 0) return",
  },
  {
    name: "a disk without room makes a log lost",
    file: `${LEVEL}/disk-check.ts`,
    find: "if (cause !== undefined) return new StorageFailedError",
    replace: "if (cause === failure) return new StorageFailedError",
  },
];
