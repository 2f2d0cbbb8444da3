import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, evolveEntry } from "@atoll/domain";
import { given, makeHistory, sampleEvents } from "@atoll/domain/testing";
import {
  DecodeError,
  decodeLogEntry,
  decodeSnapshot,
  encodeLogEntry,
  encodeSnapshot,
  SNAPSHOT_CHUNK_BYTES,
  snapshotChunks,
  snapshotReader,
} from "@atoll/codec";
import { Prng } from "@atoll/stdx";

const STEPS = 300;
const SEEDS = [1, 2, 3, 4, 5, 6];

function bytesOf(state: Datacenter): Buffer {
  return Buffer.concat(encodeSnapshot(state));
}

test("a snapshot of any state comes back, with the same bytes, and goes on as the original", () => {
  for (const seed of SEEDS) {
    const state = new Datacenter();
    let restored = new Datacenter();
    for (const { index, entry } of makeHistory(seed, STEPS, state)) {
      evolveEntry(restored, decodeLogEntry(encodeLogEntry(entry)), index);
      if (index % 50 !== 0) continue;
      const bytes = bytesOf(state);
      assert.deepEqual(bytesOf(restored), bytes, `seed ${seed}, entry ${index}`);
      restored = decodeSnapshot([bytes]);
      assert.deepEqual(bytesOf(restored), bytes, `seed ${seed}, entry ${index}, restored`);
    }
  }
});

test("a snapshot may be given back in other chunks than it was made in", () => {
  const state = new Datacenter();
  for (const _ of makeHistory(7, STEPS, state));
  const bytes = bytesOf(state);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 97) chunks.push(bytes.subarray(at, at + 97));
  assert.deepEqual(bytesOf(decodeSnapshot(chunks)), bytes);
});

test("a large snapshot has chunks of a bounded size", () => {
  const state = given();
  for (let number = 0; number < 6_000; number += 1) {
    state.entry(
      { ...sampleEvents.nodeDiscovered, node: `node-${number}` as never },
      { ...sampleEvents.agentStarted, node: `node-${number}` as never },
    );
  }
  const chunks = encodeSnapshot(state.state);
  assert.ok(chunks.length > 3);
  for (const chunk of chunks)
    assert.ok(chunk.length < SNAPSHOT_CHUNK_BYTES + 4_096, `${chunk.length}`);
  assert.equal(decodeSnapshot(chunks).nodeCount, 6_000);
});

test("a snapshot walked while the state goes on is that of its moment", () => {
  const state = given();
  const node = (number: number): never => `node-${number}` as never;
  for (let number = 0; number < 6_000; number += 1) {
    state.entry({ ...sampleEvents.nodeDiscovered, node: node(number) });
  }
  const atOnce = Buffer.concat(encodeSnapshot(state.state));
  const walked: Uint8Array[] = [];
  let number = 0;
  for (const chunk of snapshotChunks(state.state.copy())) {
    walked.push(chunk);
    for (const end = number + 100; number < end; number += 1) {
      state.entry(
        { ...sampleEvents.agentStarted, node: node(5_999 - number) },
        { ...sampleEvents.nodeDiscovered, node: node(10_000 + number) },
      );
    }
  }
  assert.ok(walked.length > 1);
  assert.deepEqual(Buffer.concat(walked), atOnce);
});

test("a chunk costs a bounded number of looks at nodes, also where they give no records", () => {
  const state = given();
  for (let number = 0; number < 6_000; number += 1) {
    state.entry({ ...sampleEvents.nodeDiscovered, node: `node-${number}` as never });
  }
  let looked = 0;
  const watched = new Proxy(state.state, {
    get: (target, name) => {
      if (name !== "nodes") {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return function* nodes() {
        for (const node of target.nodes()) {
          looked += 1;
          yield node;
        }
      };
    },
  });
  let [most, before] = [0, 0];
  for (const chunk of snapshotChunks(watched)) {
    assert.ok(chunk.length < SNAPSHOT_CHUNK_BYTES + 4_096);
    most = Math.max(most, looked - before);
    before = looked;
  }
  assert.equal(looked, 12_000);
  // Records of nodes that were only discovered are small: many make a chunk.
  assert.ok(most <= SNAPSHOT_CHUNK_BYTES / 64 && looked - before <= most, `${most}`);
});

test("taking a piece in costs what its bytes cost, and the end of it nothing", (context) => {
  const state = given();
  for (let number = 0; number < 6_000; number += 1) {
    const node = `node-${number}` as never;
    const action = `action-${number}` as never;
    state.entry(
      { ...sampleEvents.nodeDiscovered, node },
      ...(number % 2 === 0 ? [] : [{ ...sampleEvents.actionPlanned, node, action }]),
    );
  }
  const bytes = bytesOf(state.state);
  const set = context.mock.method(Datacenter.prototype, "setNode");
  const pieceBytes = 10_000;
  const reader = snapshotReader();
  let most = 0;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const before = set.mock.callCount();
    reader.take(bytes.subarray(at, at + pieceBytes));
    most = Math.max(most, set.mock.callCount() - before);
  }
  assert.ok(most > 0 && most <= pieceBytes / 64, `${most} nodes from one piece`);
  const count = set.mock.callCount();
  assert.ok(count >= 6_000);
  const restored = reader.finish();
  assert.equal(set.mock.callCount(), count);
  assert.deepEqual(bytesOf(restored), bytes);
});

test("the snapshot of an empty state comes back, and no chunks are the empty state", () => {
  assert.equal(decodeSnapshot([]).operationCount, 0);
  const chunks = encodeSnapshot(new Datacenter());
  assert.equal(chunks.length, 1);
  assert.deepEqual(encodeSnapshot(decodeSnapshot(chunks)), chunks);
});

test("decodeSnapshot() gives a state or a DecodeError for any bytes", () => {
  const state = new Datacenter();
  for (const _ of makeHistory(8, 60, state));
  const bytes = bytesOf(state);
  const prng = new Prng(31);
  let refused = 0;
  for (let round = 0; round < 1_500; round += 1) {
    const mutated = Buffer.from(
      prng.chance(1, 2) ? bytes.subarray(0, prng.between(1, bytes.length)) : bytes,
    );
    if (prng.chance(1, 2)) mutated[prng.below(mutated.length)] = prng.below(256);
    try {
      decodeSnapshot([mutated]);
    } catch (error) {
      refused += 1;
      assert.ok(error instanceof DecodeError, String(error));
    }
  }
  assert.ok(refused > 300, `${refused}`);
  assert.throws(() => decodeSnapshot([bytes.subarray(0, -1)]), DecodeError);
});

test("a snapshot of another format is refused", () => {
  const chunk = Buffer.from(encodeSnapshot(new Datacenter())[0] as Uint8Array);
  assert.deepEqual([...chunk], [4, 10, 2, 8, 1]);
  chunk[4] = 2;
  assert.throws(() => decodeSnapshot([chunk]), /its format is 2; this release knows 1/);
});
