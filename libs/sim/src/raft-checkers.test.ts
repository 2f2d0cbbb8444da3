import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { Entry } from "raft-ts";
import { membershipOf } from "raft-ts";
import { RaftCheckers } from "./raft-checkers.ts";
import { LogImage } from "./raft-log-store.ts";

const MEMBERSHIP = membershipOf([1, 2, 3]);

function entryOf(index: number, term: number): Entry {
  return { index, term, type: "data", data: new Uint8Array(4) };
}

function statusOf(id: number, image: LogImage, at: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return {
    id,
    role: "follower",
    term: image.hardState.term,
    leader: 0,
    firstIndex: image.firstIndex,
    lastIndex: image.lastIndex,
    commitIndex: Math.max(image.hardState.commit, image.metadata.index),
    appliedIndex: image.metadata.index,
    snapshotIndex: image.metadata.index,
    membership: MEMBERSHIP,
    peers: [],
    ...at,
  };
}

/** Three replicas that hold three entries of term 2 durably, all committed and known as such. */
function newGroup(): { checkers: RaftCheckers; images: Map<number, LogImage>; first: LogImage } {
  const images = new Map([1, 2, 3].map((id) => [id, new LogImage(MEMBERSHIP)]));
  const checkers = new RaftCheckers(MEMBERSHIP, images, () => undefined);
  const entries = [1, 2, 3].map((index) => entryOf(index, 2));
  for (const image of images.values()) {
    image.hardState = { term: 2, vote: 3, commit: 2 };
    image.entries = [...entries];
  }
  checkers.applied(2, entries, { term: 2, hashes: [11, 12, 13] });
  const first = images.get(1) as LogImage;
  checkers.observed(statusOf(1, first), (index) => first.termAt(index));
  return { checkers, images, first };
}

test("RaftCheckers take a replica that starts as its disk says", () => {
  const { checkers, first } = newGroup();
  checkers.ended(1);
  checkers.started(statusOf(1, first));
});

test("RaftCheckers forbid that a start falls behind the disk", () => {
  for (const [at, reason] of [
    [{ term: 1 }, /the term of 1 after a start fell to 1, 2 was durable/],
    [{ commitIndex: 1 }, /the commit of 1 after a start fell to 1, 2 was durable/],
  ] as const) {
    const { checkers, first } = newGroup();
    checkers.ended(1);
    assert.throws(() => checkers.started(statusOf(1, first, at)), reason);
  }
  const { checkers, first } = newGroup();
  first.metadata = { ...first.metadata, index: 2, term: 2 };
  checkers.ended(1);
  const status = statusOf(1, first, { appliedIndex: 0 });
  assert.throws(() => checkers.started(status), /what 1 has applied after a start fell to 0/);
});

test("RaftCheckers forbid that what is durable goes back, in one life and over a start", () => {
  const { metadata } = new LogImage(MEMBERSHIP);
  const withSnapshot = { ...metadata, index: 2, term: 2 };
  for (const [later, reason] of [
    [{ hardState: { term: 1, vote: 3, commit: 2 } }, /the durable term of 1 fell to 1/],
    [{ hardState: { term: 2, vote: 3, commit: 1 } }, /the durable commit of 1 fell to 1/],
    [{ hardState: { term: 2, vote: 2, commit: 2 } }, /the vote of 1 in term 2 became 2, was 3/],
    [{ metadata }, /the snapshot of 1 fell to 0/],
    [{ entries: [entryOf(1, 2)] }, /the log of 1 ends at 1, 2 is committed/],
  ] as const) {
    const { checkers, first } = newGroup();
    first.metadata = withSnapshot;
    checkers.ended(1);
    Object.assign(first, later);
    const status = statusOf(1, first);
    assert.throws(() => checkers.observed(status, () => 2), reason);
    assert.throws(() => checkers.ended(1), reason);
  }
});

test("RaftCheckers excuse a disk that was lost", () => {
  const { checkers, first } = newGroup();
  checkers.ended(1);
  checkers.losing(1);
  first.clear(MEMBERSHIP, "recovering");
  checkers.started(statusOf(1, first));
});

test("RaftCheckers forbid that a committed entry is replaced where it stands", () => {
  const { checkers, first } = newGroup();
  const write = { entries: [entryOf(3, 4)] };
  assert.throws(
    () => checkers.wrote(1, write, (index) => first.termAt(index)),
    /1 replaces entry 3, which is committed/,
  );
  // Another one there was never committed.
  first.entries = [entryOf(1, 2), entryOf(2, 2), entryOf(3, 1)];
  checkers.wrote(1, write, (index) => first.termAt(index));
});

test("RaftCheckers forbid a snapshot that goes back or gives up committed entries", () => {
  const { checkers, first } = newGroup();
  const older = { ...first.metadata, index: 2, term: 1 };
  assert.throws(() => checkers.installs(1, older, first), /1 replaces entry 3, which is committed/);
  first.metadata = { ...first.metadata, index: 3, term: 2 };
  assert.throws(() => checkers.installs(1, older, first), /1 goes back from 3 to 2/);
});

test("RaftCheckers compare the state after each entry, in whatever batches", () => {
  const { checkers } = newGroup();
  const told = (hashes: readonly number[]) => ({ term: 2, hashes });
  checkers.applied(1, [entryOf(1, 2)], told([11]));
  assert.throws(
    () => checkers.applied(1, [entryOf(2, 2), entryOf(3, 2)], told([99, 13])),
    /1 has another state after entry 2/,
  );
});

test("RaftCheckers forbid that a replica takes back what it applied", () => {
  const { checkers, first } = newGroup();
  const look = (appliedIndex: number): void => {
    checkers.observed(statusOf(1, first, { appliedIndex }), (index) => first.termAt(index));
  };
  look(2);
  assert.throws(() => look(1), /1 took back what it applied after 1/);
});
