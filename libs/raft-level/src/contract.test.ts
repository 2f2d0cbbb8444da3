/** The published contract of log stores, on files and on a database in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  logStoreContract,
  type CreateLogStore,
  type LogStoreOpened,
} from "@atoll/raft-replica/contract";
import type { OpenDatabase } from "./database.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import { IDENTITY } from "./testing/harness.ts";
import { MemoryDatabase } from "./testing/memory-database.ts";

const SEGMENT_BYTES = 2000;
const TAIL_BYTES_MAX = 1024 * 1024;

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** Stores in folders of their own; `makeOpen` gives the database of one store, anew each time. */
function createOn(makeOpen: () => OpenDatabase): CreateLogStore {
  return (founding, opened) => {
    const openDatabase = makeOpen();
    mkdtemp(join(tmpdir(), "atoll-log-contract-")).then(
      (folder) => {
        folders.push(folder);
        openAt(folder, TAIL_BYTES_MAX, opened);
      },
      (error: unknown) => opened(error as Error, undefined),
    );

    function openAt(folder: string, tailBytesMax: number, told: LogStoreOpened): void {
      const about = { folder, identity: IDENTITY, founding, newStanding: "blank" } as const;
      LevelLogStore.open({ ...about, tailBytesMax, openDatabase }).then(
        ({ store, recovered }) => {
          const close = (done: (error: Error | undefined) => void): void => {
            store[Symbol.asyncDispose]().then(
              () => done(undefined),
              (error: unknown) => done(error as Error),
            );
          };
          const reopen = (tail: number, next: LogStoreOpened): void => {
            close((error) => {
              if (error === undefined) openAt(folder, tail, next);
              else next(error, undefined);
            });
          };
          told(undefined, { store, recovered, reopen, close });
        },
        (error: unknown) => told(error as Error, undefined),
      );
    }
  };
}

function onFiles(): OpenDatabase {
  return (folder, { createIfMissing }) =>
    SegmentedDatabase.open(folder, { createIfMissing, segmentBytesMax: SEGMENT_BYTES });
}

function inMemory(): OpenDatabase {
  let before: MemoryDatabase | undefined;
  return () => {
    before = new MemoryDatabase(before?.pairs);
    return Promise.resolve(before);
  };
}

const seed = Number(process.env["SEED"] ?? process.hrtime.bigint() % 1_000_000_007n);

for (const [name, makeOpen] of [
  ["on files", onFiles],
  ["in memory", inMemory],
] as const) {
  logStoreContract(
    (title, body) => {
      test(`${title}, ${name}`, (_context, done) => body((error) => done(error)));
    },
    createOn(makeOpen),
    seed,
  );
}
