/** A snapshot comes into the state piece by piece, at a start and from a leader alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@atoll/stdx";
import { membershipOf } from "raft-ts";
import type { ReplicaSettings } from "./settings.ts";
import { type ManualReplica, ManualReplicas } from "./testing/manual-ports.ts";

const PIECE_BYTES_MAX = 131_072;
/** Whoever misses a few entries gets a snapshot. */
const SETTINGS: Partial<ReplicaSettings> = {
  snapshotEveryEntries: 10,
  retainEntries: 1,
  raft: { tailBytesMax: 1, inFlightMessagesMax: 1 },
};

/** Three replicas, of which the third missed so much that it gets a snapshot; its reads wait. */
function groupWithLaggard(): { readonly group: ManualReplicas; readonly third: ManualReplica } {
  const group = new ManualReplicas([1, 2, 3], SETTINGS);
  group.elect(1);
  const third = group.of(3);
  third.store.heldReads = [];
  fallBehind(group);
  return { group, third };
}

/** The third misses what others take a snapshot of, and has one installed. */
function fallBehind(group: ManualReplicas): void {
  const { store } = group.of(3);
  const before = store.installed;
  group.cut.add(3);
  propose(group, 25);
  group.cut.delete(3);
  for (let tick = 0; tick < 100 && store.installed === before; tick += 1) group.tick();
  assert.notEqual(store.installed, before);
}

function release(group: ManualReplicas, held: readonly (() => void)[]): void {
  for (const each of held) each();
  group.run();
}

function propose(group: ManualReplicas, count: number): void {
  for (let at = 0; at < count; at += 1) {
    group.of(1).replica.propose([new Uint8Array([at])], () => undefined);
    group.tick();
  }
}

test("a snapshot is restored a piece at a time at a start", () => {
  const sizeBytes = 400_000;
  const checksum = crc32c(new Uint8Array(sizeBytes));
  const last = { index: 5, term: 1 };
  const group = new ManualReplicas(
    [1],
    {},
    {
      hardState: { term: 1, vote: 1, commit: 0 },
      snapshot: { ...last, membership: membershipOf([1]), sizeBytes, checksum },
      firstIndex: 6,
      last,
      tailPrevious: last,
    },
  );
  const { store, stateMachine } = group.of(1);
  const reads = store.heldReads ?? [];
  for (let turn = 1; stateMachine.restored === undefined; turn += 1) {
    const [answer, ...others] = reads.splice(0);
    assert.deepEqual(others, []);
    answer?.();
    assert.equal(stateMachine.taken.length, turn);
  }
  assert.ok(Math.max(...stateMachine.taken) <= PIECE_BYTES_MAX);
  assert.equal(
    stateMachine.taken.reduce((sum, size) => sum + size, 0),
    sizeBytes,
  );
});

test("a leader's snapshot is restored once it is durable; entries and reads wait for that", () => {
  const { group, third } = groupWithLaggard();
  const { replica, stateMachine, store } = third;
  const appliedBefore = stateMachine.applied.length;
  const outcomes: string[] = [];
  replica.readIndex(({ type }) => outcomes.push(type));
  propose(group, 3);
  assert.equal(replica.status().commitIndex, group.of(1).replica.status().commitIndex);
  assert.deepEqual(
    [stateMachine.restored, stateMachine.taken, stateMachine.applied.length, outcomes],
    [undefined, [], appliedBefore, []],
  );
  group.releaseReads();
  assert.deepEqual(stateMachine.restored, store.installed);
  assert.equal(stateMachine.applied[appliedBefore]?.index, (store.installed?.index ?? 0) + 1);
  assert.deepEqual(outcomes, ["ready"]);
});

test("nothing is read from the old state while a leader's snapshot becomes durable", () => {
  const group = new ManualReplicas([1, 2, 3], SETTINGS);
  group.elect(1);
  const { replica, store, stateMachine } = group.of(3);
  store.heldReads = [];
  const installs = (store.heldInstalls = []);
  fallBehind(group);
  const outcomes: string[] = [];
  replica.readIndex(({ type }) => outcomes.push(type));
  propose(group, 3);
  assert.deepEqual([installs.length, outcomes, store.heldReads], [1, [], []]);
  release(group, installs);
  group.releaseReads();
  propose(group, 1);
  assert.deepEqual([stateMachine.restored, outcomes], [store.installed, ["ready"]]);
});

test("a snapshot whose write failed is not restored", () => {
  const group = new ManualReplicas([1, 2, 3], SETTINGS);
  group.elect(1);
  const { store, stateMachine, failures } = group.of(3);
  group.cut.add(3);
  propose(group, 25);
  group.cut.delete(3);
  store.failure = new Error("EIO");
  for (let tick = 0; tick < 100 && failures.length === 0; tick += 1) group.tick();
  assert.deepEqual([failures.length, stateMachine.taken], [1, []]);
});

test("a snapshot that became durable after a newer one had come is not restored", () => {
  const group = new ManualReplicas([1, 2, 3], SETTINGS);
  group.elect(1);
  const { store, stateMachine } = group.of(3);
  const installs: (() => void)[] = (store.heldInstalls = []);
  const reads = (store.heldReads = []);
  fallBehind(group);
  fallBehind(group);
  assert.equal(installs.length, 2);
  release(group, installs.splice(0, 1));
  assert.deepEqual(reads, []);
  release(group, installs);
  group.releaseReads();
  assert.deepEqual(stateMachine.restored, store.installed);
});

test("a snapshot that is overtaken by a newer one is not restored", () => {
  const { group, third } = groupWithLaggard();
  const { stateMachine, store } = third;
  const first = store.installed?.index ?? 0;
  fallBehind(group);
  assert.deepEqual([stateMachine.restored, stateMachine.taken], [undefined, []]);
  group.releaseReads();
  const { restored } = stateMachine;
  assert.deepEqual(restored, store.installed);
  assert.ok((restored?.index ?? 0) > first);
  assert.equal(stateMachine.taken.length, 1);
});
