import assert from "node:assert/strict";
import { test } from "node:test";
import { Bug, crc32c, Prng } from "@atoll/stdx";
import { RaftCore } from "./core.ts";
import type { Effect } from "./effect.ts";
import type { Entry } from "./entry.ts";
import { membershipOf } from "./membership.ts";
import type { AppendEntries, Message } from "./message.ts";
import type { RaftSettings } from "./settings.ts";
import { ManualGroup } from "./testing/manual-group.ts";

function entry(index: number, term: number): Entry {
  return { index, term, type: "data", data: new Uint8Array([term]) };
}

function newCore(settings: Partial<RaftSettings> = {}, tail: readonly Entry[] = []): RaftCore {
  const membership = membershipOf([1, 2, 3]);
  return new RaftCore({
    id: 1,
    recovered: {
      hardState: { term: tail.at(-1)?.term ?? 0, vote: 0, commit: 0 },
      snapshot: { index: 0, term: 0, membership, sizeBytes: 0, checksum: 0 },
      firstIndex: 1,
      tailPrevious: { index: 0, term: 0 },
      tail,
    },
    prng: new Prng(1),
    settings,
  });
}

function append(term: number, previous: Entry | undefined, ...entries: Entry[]): AppendEntries {
  const { index = 0, term: previousTerm = 0 } = previous ?? {};
  return {
    type: "appendEntries",
    from: term % 2 === 0 ? 2 : 3,
    to: 1,
    term,
    previous: { index, term: previousTerm },
    entries,
    commitIndex: 0,
  };
}

function give(core: RaftCore, message: Message): readonly Effect[] {
  core.step({ type: "message", message });
  return core.takeEffects();
}

function acknowledged(effects: readonly Effect[]): number[] {
  return effects
    .flatMap((effect) => (effect.type === "send" ? effect.messages : []))
    .flatMap((message) => (message.type === "appendEntriesReply" ? [message.index] : []));
}

test("step() counts a write only for what it wrote (the ABA race)", () => {
  // Entry 2 is written three times while the disk is slow: of term 1, of term 2, of term 1 again.
  const core = newCore({ writesInFlightMax: 8 }, [entry(1, 1)]);
  const writes = [
    give(core, append(2, entry(1, 1), entry(2, 1))),
    give(core, append(3, entry(1, 1), entry(2, 2))),
    give(core, append(4, entry(1, 1), entry(2, 1), entry(3, 4))),
  ].map((effects) => effects.filter(({ type }) => type === "persist"));
  assert.deepEqual(
    writes.map((each) => each.length),
    [1, 1, 1],
  );
  for (const write of [1, 2]) {
    core.step({ type: "persisted", write });
    const effects = core.takeEffects();
    assert.ok(acknowledged(effects).every((index) => index <= 1));
    assert.equal(core.stableIndex, 1);
  }
  core.step({ type: "persisted", write: 3 });
  assert.equal(acknowledged(core.takeEffects()).at(-1), 3);
});

test("step() collects entries while a write is under way, and the next write takes all", () => {
  const core = newCore();
  const first = give(core, append(2, undefined, entry(1, 1)));
  assert.equal(first.filter(({ type }) => type === "persist").length, 1);
  assert.deepEqual(give(core, append(2, entry(1, 1), entry(2, 1))), []);
  assert.deepEqual(give(core, append(2, entry(2, 1), entry(3, 1))), []);
  core.step({ type: "persisted", write: 1 });
  const next = core.takeEffects().find((effect) => effect.type === "persist");
  assert.deepEqual(
    next?.entries.map(({ index }) => index),
    [2, 3],
  );
});

test("step() refuses proposals past the bound of uncommitted bytes, until they commit", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { uncommittedBytesMax: 100 } });
  group.elect(1);
  const propose = (proposal: number): void =>
    group.step(1, { type: "propose", proposal, data: [new Uint8Array(60)] });
  for (const proposal of [1, 2, 3]) propose(proposal);
  assert.deepEqual(
    group.answers(1).map(({ type }) => type),
    ["proposalAccepted", "proposalAccepted", "proposalRefused"],
  );
  group.settle();
  propose(4);
  assert.equal(group.answers(1).at(-1)?.type, "proposalAccepted");
});

test("step() refuses reads past their bound", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { readsPendingMax: 2 } });
  for (const read of [1, 2, 3]) group.step(1, { type: "readIndex", read });
  assert.deepEqual(group.answers(1), [
    { type: "readRefused", read: 3, reason: "overloaded", leader: 0 },
  ]);
});

test("step() keeps no more under way to a peer than its windows allow", () => {
  const settings = { inFlightMessagesMax: 3, appendBytesMax: 1 };
  const group = new ManualGroup([1, 2, 3], { settings });
  group.elect(1);
  const data = Array.from({ length: 10 }, () => new Uint8Array(8));
  group.step(1, { type: "propose", proposal: 1, data });
  const waiting = group.inFlight.filter(({ to, type }) => to === 2 && type === "appendEntries");
  assert.equal(waiting.length, 3);
  group.settle();
  assert.equal(group.core(2).view().lastIndex, 11);
});

test("step() sends every entry once when nothing is lost", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { appendBytesMax: 200 } });
  group.elect(1);
  for (let proposal = 0; proposal < 50; proposal += 1) {
    group.step(1, { type: "propose", proposal, data: [new Uint8Array(40)] });
  }
  group.settle();
  const sent = group.lines.filter((line) => line.startsWith("1>2 appendEntries"));
  const indexes = sent.flatMap((line) =>
    line
      .split(/ after \S+ /)
      .slice(1)
      .flatMap((rest) => rest.split(" ").filter((word) => word.includes("/"))),
  );
  assert.equal(indexes.length, 51);
  assert.equal(new Set(indexes).size, indexes.length);
});

test("step() finds lost entries by heartbeats", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(1, { type: "propose", proposal: 1, data: [new Uint8Array(1)] });
  group.drop(({ to }) => to === 2);
  group.settle();
  assert.equal(group.core(2).view().lastIndex, 1);
  for (let tick = 0; tick < 6; tick += 1) {
    group.tick(1);
    group.settle();
  }
  assert.equal(group.core(2).view().lastIndex, 2);
  assert.equal(group.core(2).committedIndex, 2);
});

test("step() stops when a leader knows of acknowledged entries that are gone", () => {
  const core = newCore();
  const effects = give(core, {
    type: "heartbeat",
    from: 2,
    to: 1,
    term: 1,
    commitIndex: 5,
    commitTerm: 1,
    readRound: 0,
  });
  assert.equal(effects.at(-1)?.type, "failed");
});

test("step() stops when a leader committed another entry in the place of its own", () => {
  const core = newCore();
  give(core, append(2, undefined, entry(1, 1), entry(2, 1)));
  const heartbeat = { type: "heartbeat", from: 3, to: 1, term: 2, readRound: 0 } as const;
  // The disk went back to before the leader of term 2 replaced entry 2.
  const unknown = give(core, { ...heartbeat, commitIndex: 1, commitTerm: 0 });
  assert.equal(unknown.at(-1)?.type === "failed", false);
  const effects = give(core, { ...heartbeat, commitIndex: 2, commitTerm: 2 });
  assert.equal(effects.at(-1)?.type, "failed");
  assert.equal(core.view().committedIndex, 1);
});

test("step() ignores messages that are not for it or make no sense", () => {
  const core = newCore();
  assert.deepEqual(give(core, { ...append(2, undefined, entry(1, 1)), to: 2 }), []);
  const holes = append(2, undefined, entry(1, 1), entry(3, 1));
  give(core, holes);
  assert.equal(core.view().lastIndex, 0);
  give(core, append(2, undefined, entry(1, 2), entry(2, 1)));
  assert.equal(core.view().lastIndex, 0);
});

test("step() is deaf to completions that name no write of its own", () => {
  const core = newCore();
  give(core, append(2, undefined, entry(1, 1)));
  assert.throws(() => core.step({ type: "persisted", write: 9 }), Bug);
});

test("RaftCore refuses settings that contradict each other", () => {
  assert.throws(() => newCore({ electionTimeoutTicksMin: 5 }), Bug);
  assert.throws(() => newCore({ electionTimeoutTicksMax: 15 }), Bug);
  assert.throws(() => newCore({ appendBytesMax: 0 }), Bug);
});

test("a group of one commits alone, once its disk has it", () => {
  const group = new ManualGroup([1]);
  group.tick(1);
  group.settle();
  group.step(1, { type: "propose", proposal: 1, data: [new Uint8Array(1)] });
  assert.equal(group.core(1).committedIndex, 1);
  group.step(1, { type: "readIndex", read: 1 });
  assert.deepEqual(group.answers(1).at(-1), { type: "readReady", read: 1, index: 1 });
  group.settle();
  assert.equal(group.core(1).committedIndex, 2);
});

test("step() sends entries ahead of a disk that is slower than a tick", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(1, { type: "propose", proposal: 1, data: [new Uint8Array(1)] });
  group.step(1, { type: "propose", proposal: 2, data: [new Uint8Array(1)] });
  group.deliver();
  for (const id of [2, 3]) group.persist(id);
  group.deliver();
  assert.equal(group.core(2).view().lastIndex, 2);
  group.tick(1);
  for (let round = 0; round < 3; round += 1) {
    group.deliver();
    for (const id of [2, 3]) group.persist(id);
  }
  group.deliver();
  assert.equal(group.core(1).stableIndex, 1);
  assert.equal(group.core(1).committedIndex, 3);
});

test("step() counts no acknowledgement of an earlier term", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(1, { type: "propose", proposal: 1, data: [new Uint8Array(1)] });
  group.deliver(({ to }) => to !== 1);
  group.persist(2);
  const late = group.inFlight.filter(
    ({ type, from }) => type === "appendEntriesReply" && from === 2,
  );
  assert.equal(late.length, 1);
  group.inFlight = [];
  group.step(1, { type: "stalled" });
  for (const id of [2, 3]) group.step(id, { type: "peerLost", peer: 1 });
  // It leads again, in a later term, and nobody has acknowledged anything in that.
  group.timeout(1);
  for (let round = 0; group.core(1).view().role !== "leader" && round < 5; round += 1) {
    for (const id of [1, 2, 3]) group.persist(id);
    group.deliver();
  }
  group.persist(1);
  for (const message of late) group.step(1, { type: "message", message });
  const peers = group
    .core(1)
    .view()
    .peers.map(({ matchIndex }) => matchIndex);
  assert.deepEqual(peers, [0, 0]);
});

test("step() acknowledges nothing that only an earlier leader confirmed", () => {
  const core = newCore({}, [entry(1, 1)]);
  give(core, append(2, entry(1, 1), entry(2, 2), entry(3, 2)));
  core.step({ type: "persisted", write: 1 });
  core.takeEffects();
  give(core, append(3, entry(1, 1), entry(2, 2)));
  core.step({ type: "persisted", write: 2 });
  assert.deepEqual(acknowledged(core.takeEffects()), [2]);
});

test("step() commits no further than a message vouches for", () => {
  const core = newCore({}, [entry(1, 1), entry(2, 1), entry(3, 1)]);
  give(core, { ...append(2, entry(1, 1)), commitIndex: 3 });
  assert.equal(core.committedIndex, 1);
});

test("step() keeps the log where a snapshot agrees with it", () => {
  const tail = [1, 2, 3, 4, 5].map((index) => entry(index, 1));
  const core = newCore({}, tail);
  const metadata = {
    index: 3,
    term: 1,
    membership: membershipOf([1, 2, 3]),
    sizeBytes: 1,
    checksum: crc32c(new Uint8Array(1)),
  };
  const effects = give(core, {
    type: "installSnapshot",
    from: 2,
    to: 1,
    term: 2,
    metadata,
    offset: 0,
    chunk: new Uint8Array(1),
    chunkChecksum: metadata.checksum,
    last: true,
  });
  assert.ok(effects.every(({ type }) => type !== "installSnapshot"));
  assert.deepEqual([core.committedIndex, core.view().lastIndex], [3, 5]);
});

test("step() reads terms back before a snapshot may replace what was acknowledged", () => {
  const membership = membershipOf([1, 2, 3]);
  const core = new RaftCore({
    id: 1,
    recovered: {
      hardState: { term: 1, vote: 0, commit: 0 },
      snapshot: { index: 0, term: 0, membership, sizeBytes: 0, checksum: 0 },
      firstIndex: 1,
      tailPrevious: { index: 4, term: 1 },
      tail: [entry(5, 1)],
    },
    prng: new Prng(1),
  });
  const metadata = { index: 3, term: 1, membership, sizeBytes: 0, checksum: 0 };
  const effects = give(core, {
    type: "installSnapshot",
    from: 2,
    to: 1,
    term: 2,
    metadata,
    offset: 0,
    chunk: new Uint8Array(0),
    chunkChecksum: 0,
    last: true,
  });
  const load = effects.find((effect) => effect.type === "loadEntries");
  assert.deepEqual([load?.from, core.committedIndex, core.view().lastIndex], [3, 0, 5]);
  const loaded = { previous: { index: 2, term: 1 }, entries: [entry(3, 1)] };
  core.step({ type: "entriesLoaded", request: load?.request ?? 0, loaded });
  core.takeEffects();
  assert.deepEqual([core.committedIndex, core.view().lastIndex], [3, 5]);
});
