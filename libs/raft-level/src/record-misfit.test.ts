/**
 * Records that are whole in themselves and do not fit: opening refuses the log, and verification
 * says the same of it, for each reason.
 */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Level } from "level";
import type { Entry } from "raft-ts";
import { DurableMarker } from "./durable-marker.ts";
import type { LogDamagedError } from "./errors.ts";
import { identityDigest } from "./identity.ts";
import { STATE_KEY } from "./keys.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { encodeRecord, HASH_BYTES, recordBytes } from "./record.ts";
import { encodeState, type StoreState } from "./store-state.ts";
import {
  entries,
  entry,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  temporaryFolder,
} from "./testing/harness.ts";
import { layRecords, type Records } from "./testing/segment-change.ts";
import { verifyLogFolder } from "./verify-log.ts";

/** A record to lay; what is left out follows the record before it. */
interface Laid {
  readonly entries?: readonly Entry[];
  readonly term?: number;
  readonly commit?: number;
  readonly previousTerm?: number;
  readonly previousHash?: Uint8Array;
  /** Written as its content says, but at the next place. */
  readonly sequence?: number;
  /** The chain goes on over it, but it is not there. */
  readonly missing?: true;
}

interface Log {
  readonly records: readonly Laid[];
  readonly state?: Partial<StoreState>;
  /** What the marker vouches for; by default the last record. */
  readonly marker?: {
    readonly sequence?: number;
    readonly generation?: number;
    readonly hash?: Uint8Array;
  };
}

const NO_HASH = new Uint8Array(HASH_BYTES);
const STATE: StoreState = {
  generation: 1,
  firstSequence: 1,
  previousHash: "00".repeat(HASH_BYTES),
  position: { index: 0, term: 0 },
  hardState: { term: 0, vote: 0, commit: 0 },
  standing: "whole",
  reason: "",
  snapshot: { id: 1, metadata: FOUNDING_SNAPSHOT },
};

/** A closed log of exactly these records, all of them whole in themselves. */
async function lay(context: TestContext, log: Log): Promise<string> {
  const folder = join(await temporaryFolder(context), "raft");
  const { store } = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await store[Symbol.asyncDispose]();
  const state = { ...STATE, ...log.state };
  await putState(folder, encodeState(state));
  const { laid, hash } = encode(log.records, state);
  await layRecords(folder, laid);
  const path = join(folder, "durable-marker");
  await rm(path);
  const content = { sequence: log.records.length, generation: 1, hash, ...log.marker };
  const digest = identityDigest(IDENTITY);
  await (await DurableMarker.create(path, digest, content, () => {}))[Symbol.asyncDispose]();
  return folder;
}

function encode(
  records: readonly Laid[],
  state: StoreState,
): { readonly laid: Records; readonly hash: Uint8Array } {
  const found: Records = new Map();
  let hash: Uint8Array = NO_HASH;
  let last = state.position;
  let hardState = state.hardState;
  for (const [at, laid] of records.entries()) {
    const content = laid.entries ?? [];
    const firstIndex = content[0]?.index ?? last.index + 1;
    const previousTerm = laid.previousTerm ?? last.term;
    const previousHash = laid.previousHash ?? hash;
    hardState = {
      term: laid.term ?? content.at(-1)?.term ?? hardState.term,
      vote: 0,
      commit: laid.commit ?? hardState.commit,
    };
    const sequence = laid.sequence ?? at + 1;
    const header = { sequence, firstIndex, previousTerm, hardState, previousHash };
    const record = Buffer.alloc(recordBytes(content));
    hash = encodeRecord(record, identityDigest(IDENTITY), header, content);
    if (laid.missing !== true) found.set(at + 1, record);
    last = content.at(-1) ?? last;
  }
  return { laid: found, hash };
}

async function putState(folder: string, state: Uint8Array): Promise<void> {
  const options = { keyEncoding: "view", valueEncoding: "view" };
  const database = new Level<Uint8Array, Uint8Array>(join(folder, "meta"), options);
  await database.put(STATE_KEY, state);
  await database.close();
}

async function open(folder: string): Promise<void> {
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await opened.store[Symbol.asyncDispose]();
}

const ONE: Laid = { entries: entries(1, 4, 1) };
const snapshotAt = (index: number): Partial<StoreState> => {
  return { snapshot: { id: 1, metadata: { ...FOUNDING_SNAPSHOT, index, term: 1 } } };
};

const MISFITS: readonly (readonly [what: string, log: Log, record: string, detail: string])[] = [
  [
    "a record in a wrong place",
    { records: [ONE, { sequence: 7 }] },
    "record 2",
    "it is record 7 in a wrong place",
  ],
  [
    "a record of another chain",
    { records: [ONE, { previousHash: NO_HASH }] },
    "record 2",
    "it does not follow the record before it",
  ],
  [
    "a bad record with others behind it, though the marker knows of none",
    { records: [ONE, { previousHash: NO_HASH }, {}], marker: { sequence: 0 } },
    "record 2",
    "it does not follow the record before it",
  ],
  [
    "a record that the marker does not know",
    { records: [ONE, ONE], marker: { hash: NO_HASH } },
    "record 2",
    "it is not the record that the marker vouches for",
  ],
  [
    "a term that goes back",
    { records: [ONE, { term: 3 }, { term: 2 }] },
    "record 3",
    "its term goes back",
  ],
  [
    "a commit that goes back",
    { records: [ONE, { commit: 3 }, { commit: 2 }] },
    "record 3",
    "its commit goes back",
  ],
  [
    "a gap before an entry",
    { records: [ONE, { entries: [entry(6, 1)] }] },
    "record 2",
    "its entry 6 leaves a gap",
  ],
  [
    "an entry before the log's begin",
    {
      records: [{ entries: entries(6, 3, 1) }, { entries: [entry(5, 2)] }],
      state: { position: { index: 5, term: 1 } },
    },
    "record 2",
    "its entry 5 lies before the log's begin",
  ],
  [
    "an entry after another term",
    { records: [ONE, { entries: [entry(5, 3)], previousTerm: 2 }] },
    "record 2",
    "its entry 5 does not join the term before it",
  ],
  [
    "an end before its snapshot",
    { records: [ONE], state: snapshotAt(5) },
    "the state",
    "the log ends at 4, before its snapshot",
  ],
  [
    "an end before its commit",
    { records: [ONE, { commit: 6 }] },
    "the log",
    "it ends at 4, and 6 was committed",
  ],
  [
    "an older state",
    { records: [ONE], marker: { generation: 2 } },
    "the state",
    "it is older than generation 2",
  ],
];

for (const [what, log, record, detail] of MISFITS) {
  test(`open() and verifyLogFolder() find ${what}`, async (context) => {
    const folder = await lay(context, log);
    await assert.rejects(open(folder), (error: LogDamagedError) => {
      assert.deepEqual([error.code, error.record], ["LOG_DAMAGED", record]);
      assert.ok(error.message.endsWith(`: ${detail}`), error.message);
      return true;
    });
    const { verdict, findings } = await verifyLogFolder(folder);
    assert.deepEqual([verdict, findings], ["damaged", [{ record, detail }]]);
  });
}

test("open() and verifyLogFolder() take records that fit", async (context) => {
  const records = [
    ONE,
    { entries: entries(3, 4, 2), commit: 2 },
    { term: 5 },
    { entries: entries(7, 2, 5), commit: 6 },
  ];
  const folder = await lay(context, { records, state: snapshotAt(8) });
  await open(folder);
  const { verdict, findings, lastIndex } = await verifyLogFolder(folder);
  assert.deepEqual([verdict, findings, lastIndex], ["whole", [], 8]);
});

const MISSING = [{ record: "record 2", detail: "it is missing" }];

test("verifyLogFolder() judges nothing that a gap makes unknowable", async (context) => {
  const gap: Laid = { entries: entries(5, 4, 2), missing: true };
  const cases: readonly (readonly [readonly Laid[], number])[] = [
    // What it joins was in the missing record.
    [[ONE, gap, { entries: entries(9, 2, 3) }], 10],
    // It goes back to where only the missing record tells the term.
    [[ONE, gap, { entries: entries(9, 2, 3) }, { entries: [entry(5, 4)], previousTerm: 1 }], 5],
    // What was committed is in the missing record.
    [[{ ...ONE, commit: 6 }, gap], 4],
  ];
  for (const [records, lastIndex] of cases) {
    const report = await verifyLogFolder(await lay(context, { records }));
    assert.deepEqual([report.findings, report.lastIndex], [MISSING, lastIndex]);
  }
});

test("verifyLogFolder() judges what is known again behind a gap", async (context) => {
  const behind: readonly (readonly [Laid, string])[] = [
    [{ term: 1 }, "its term goes back"],
    [{ entries: [entry(12, 3)] }, "its entry 12 leaves a gap"],
    [{ entries: [entry(10, 4)], previousTerm: 2 }, "its entry 10 does not join the term before it"],
    [{ previousHash: NO_HASH }, "it does not follow the record before it"],
  ];
  for (const [last, detail] of behind) {
    const gap: Laid = { entries: entries(5, 4, 2), missing: true };
    const records = [ONE, gap, { entries: entries(9, 2, 3) }, last];
    const { findings } = await verifyLogFolder(await lay(context, { records }));
    assert.deepEqual(findings, [...MISSING, { record: "record 4", detail }]);
  }
});
