/**
 * The store under test, as steps that check themselves.
 *
 * A case of the contract suite is a list of steps; each calls on when it is done. Errors end the
 * case wherever the store called back from. Called by the suite alone.
 */
import { assert } from "@atoll/stdx";
import type { Entry, SnapshotMetadata } from "raft-ts";
import { equalBytes, expectCompacted, given } from "./contract-values.ts";
import type { Done, EntryRange, LogStore, LogWrite, RecoveredLog } from "./ports.ts";

const READ_BYTES_MAX = 1 << 30;

/** A store that is open, and the way to end its process and open it again. */
export interface OpenedLogStore {
  readonly store: LogStore;
  readonly recovered: RecoveredLog;
  /** Closes after what was started is done, and opens with at most `tailBytesMax` of tail. */
  reopen(tailBytesMax: number, opened: LogStoreOpened): void;
  close(done: (error: Error | undefined) => void): void;
}

export type LogStoreOpened = (error: Error | undefined, opened: OpenedLogStore | undefined) => void;

/** One thing to do; calls `next` when it is done. */
export type Step = (next: () => void) => void;

/** A case as the steps for one store. */
export type LogStoreCase = (subject: LogStoreSubject) => readonly Step[];

/** The store under test as steps that check themselves. */
export class LogStoreSubject {
  #opened: OpenedLogStore;
  /** Ends the case when what a callback does throws, wherever the store called it from. */
  readonly guarded: (body: () => void) => void;

  constructor(opened: OpenedLogStore, guarded: (body: () => void) => void) {
    this.#opened = opened;
    this.guarded = guarded;
  }

  get recovered(): RecoveredLog {
    return this.#opened.recovered;
  }

  get store(): LogStore {
    return this.#opened.store;
  }

  /** A completion that goes on with `next`, or ends the case with the error. */
  goOn(next: () => void): Done {
    return (error) => {
      this.guarded(() => {
        if (error !== undefined) throw error;
        next();
      });
    };
  }

  write(write: LogWrite): Step {
    return (next) => this.store.write(write, this.goOn(next));
  }

  save(metadata: SnapshotMetadata, chunks: readonly Uint8Array[]): Step {
    return (next) => this.store.saveSnapshot(metadata, chunks, this.goOn(next));
  }

  install(metadata: SnapshotMetadata, chunks: readonly Uint8Array[], term: number): Step {
    const hardState = { term, vote: 0, commit: 0 };
    return (next) => {
      this.store.installSnapshot(metadata, chunks, hardState, this.goOn(next));
    };
  }

  compact(through: number): Step {
    return (next) => this.store.compact(through, this.goOn(next));
  }

  read(from: number, to: number, maxBytes: number, check: (range: EntryRange) => void): Step {
    return (next) => {
      this.store.readEntries({ from, to, maxBytes }, (error, range) => {
        this.guarded(() => {
          check(given(error, range));
          next();
        });
      });
    };
  }

  /** Reads all of [from, to) in as many calls as it takes. */
  readAll(from: number, to: number, check: (entries: readonly Entry[]) => void): Step {
    return (next) => {
      const all: Entry[] = [];
      const readNext = (): void => {
        const range = { from: from + all.length, to, maxBytes: READ_BYTES_MAX };
        this.store.readEntries(range, (error, found) => {
          this.guarded(() => {
            const { entries } = given(error, found);
            all.push(...entries);
            if (entries.length > 0 && from + all.length < to) {
              readNext();
              return;
            }
            check(all);
            next();
          });
        });
      };
      readNext();
    };
  }

  /** The read must fail as compacted. */
  readCompacted(from: number): Step {
    return (next) => {
      this.store.readEntries({ from, to: from + 1, maxBytes: READ_BYTES_MAX }, (error) => {
        this.guarded(() => {
          expectCompacted(error);
          next();
        });
      });
    };
  }

  /** Reads a whole snapshot in pieces of `pieceBytes` and compares it. */
  snapshotIs(metadata: SnapshotMetadata, content: Uint8Array, pieceBytes: number): Step {
    return (next) => {
      let offset = 0;
      const readNext = (): void => {
        const range = { index: metadata.index, offset, maxBytes: pieceBytes };
        this.store.readSnapshot(range, (error, chunk) => {
          this.guarded(() => {
            const bytes = given(error, chunk);
            assert(bytes.length > 0 && bytes.length <= pieceBytes, `a piece of ${bytes.length}`);
            equalBytes(bytes, content.subarray(offset, offset + bytes.length), `at ${offset}`);
            offset += bytes.length;
            if (offset < content.length) readNext();
            else next();
          });
        });
      };
      readNext();
    };
  }

  reopen(tailBytesMax: number, check: (recovered: RecoveredLog) => void): Step {
    return (next) => {
      this.#opened.reopen(tailBytesMax, (error, opened) => {
        this.guarded(() => {
          this.#opened = given(error, opened);
          check(this.recovered);
          next();
        });
      });
    };
  }

  close(done: (error: Error | undefined) => void): void {
    this.#opened.close(done);
  }
}
