/**
 * Recorded histories must replay, with this release and every later one, to the state they came to
 * when they were recorded.
 *
 * `REWRITE=1` records anew; a changed digest of a history that was released before is a broken
 * promise, not a new expectation.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Datacenter, evolveEntry } from "@atoll/domain";
import { eventTypesOf, makeHistory, sampleEvents } from "@atoll/domain/testing";
import { decodeLogEntry, encodeLogEntry, encodeSnapshot } from "@atoll/codec";
import { Digest64 } from "@atoll/stdx";

interface RecordedHistory {
  readonly description: string;
  readonly seed: number;
  /** Of the snapshot after the last entry. */
  readonly stateDigest: string;
  readonly nodes: number;
  /** In base64, from index 1 on. */
  readonly entries: readonly string[];
}

const FOLDER = new URL("../../../test/data/histories/", import.meta.url);
/** What `REWRITE=1` records; earlier ones stay as they are. */
const NEWEST = "action-limits.json";
const SEED = 8;
const STEPS = 400;

if (process.env["REWRITE"] === "1") record();

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  test(`history ${file}: replays to the recorded state`, () => {
    const history = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as RecordedHistory;
    const state = new Datacenter();
    const entries = history.entries.map((text) => decodeLogEntry(Buffer.from(text, "base64")));
    for (const [at, entry] of entries.entries()) evolveEntry(state, entry, at + 1);
    assert.equal(digestOf(state), history.stateDigest);
    assert.equal(state.nodeCount, history.nodes);
  });
}

test(`history ${NEWEST}: has every type of event in it`, () => {
  const history = JSON.parse(readFileSync(new URL(NEWEST, FOLDER), "utf8")) as RecordedHistory;
  const entries = history.entries.map((text) => decodeLogEntry(Buffer.from(text, "base64")));
  assert.deepEqual([...eventTypesOf(entries)].toSorted(), Object.keys(sampleEvents).toSorted());
});

function digestOf(state: Datacenter): string {
  const digest = new Digest64();
  for (const chunk of encodeSnapshot(state)) digest.bytes(chunk);
  return digest.hex();
}

function record(): void {
  const state = new Datacenter();
  const entries = [...makeHistory(SEED, STEPS, state)].map(({ entry }) =>
    Buffer.from(encodeLogEntry(entry)).toString("base64"),
  );
  const history: RecordedHistory = {
    description: "Every type of event, limits that people set included.",
    seed: SEED,
    stateDigest: digestOf(state),
    nodes: state.nodeCount,
    entries,
  };
  writeFileSync(new URL(NEWEST, FOLDER), `${JSON.stringify(history, undefined, 1)}\n`);
}
