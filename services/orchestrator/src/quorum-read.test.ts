/** Health by a read through a majority: bounded in time and number, and it says what is missing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerProgress, ReadOutcome, ReplicaStatus } from "@atoll/raft-replica";
import { membershipOf } from "raft-ts";
import { ANSWER_MS_MAX, QuorumRead, type QuorumVerdict, REMEMBERED_MS } from "./quorum-read.ts";

/** A replica that answers reads when the test says so, or never, and a clock that the test sets. */
class Scene {
  nowMs = 1_000;
  status: Partial<ReplicaStatus> = {};
  readonly reads: ((outcome: ReadOutcome) => void)[] = [];
  readonly check: QuorumRead;

  constructor() {
    const clock = { monotonicMs: (): number => this.nowMs };
    this.check = new QuorumRead(clock, {
      readIndex: (done) => void this.reads.push(done),
      status: () => {
        const about = { role: "follower", leader: 2, term: 7, appliedIndex: 9, commitIndex: 9 };
        const membership = membershipOf([1, 2, 3]);
        return { id: 1, peers: [], membership, ...about, ...this.status } as ReplicaStatus;
      },
    });
  }

  /** Lets time pass in ticks. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 10) {
      this.nowMs += Math.min(10, left);
      this.check.tick();
    }
  }

  /** What is said in the end, with no answer from the replica. */
  async withoutAnswer(): Promise<QuorumVerdict> {
    const said = this.check.ask();
    this.pass(ANSWER_MS_MAX);
    return said;
  }
}

const READY: ReadOutcome = { type: "ready", index: 9 };

test("a thousand who ask cost one read, and its result stands for a second", async () => {
  const scene = new Scene();
  const asked = Array.from({ length: 1_000 }, () => scene.check.ask());
  assert.equal(scene.reads.length, 1);
  scene.reads[0]?.(READY);
  const said = new Set(await Promise.all(asked));
  assert.deepEqual([...said], [{ ok: true, detail: "follower in term 7" }]);
  scene.pass(REMEMBERED_MS - 1);
  assert.equal((await scene.check.ask()).ok, true);
  assert.equal(scene.reads.length, 1);
  scene.pass(1);
  void scene.check.ask();
  assert.equal(scene.reads.length, 2);
});

test("a replica that never answers is unready in time, and is asked once", async () => {
  const scene = new Scene();
  let said: QuorumVerdict | undefined;
  void scene.check.ask().then((verdict) => (said = verdict));
  scene.pass(ANSWER_MS_MAX - 1);
  await Promise.resolve();
  assert.equal(said, undefined);
  scene.pass(1);
  await Promise.resolve();
  assert.deepEqual(said, {
    ok: false,
    detail: "no read came through in 300 ms: replica 2, which leads, has not confirmed it",
  });
  for (let round = 0; round < 20; round += 1) {
    scene.pass(REMEMBERED_MS);
    assert.equal((await scene.withoutAnswer()).ok, false);
  }
  assert.equal(scene.reads.length, 1, "the first read is under way still");
});

test("a read that is answered late makes the replica ready again", async () => {
  const scene = new Scene();
  assert.equal((await scene.withoutAnswer()).ok, false);
  scene.reads[0]?.(READY);
  assert.equal((await scene.check.ask()).ok, true);
  scene.pass(REMEMBERED_MS);
  const again = scene.check.ask();
  scene.reads[1]?.({ type: "refused", reason: "noLeader", leader: 0 });
  assert.equal((await again).ok, false);
});

test("it says what is missing", async () => {
  const peer = { matchIndex: 1, state: "probe", recovering: false } as const;
  const peers: PeerProgress[] = [
    { ...peer, id: 2, active: false },
    { ...peer, id: 3, active: false },
    { ...peer, id: 4, active: false },
  ];
  const silent = { role: "leader", leader: 1, peers } as const;
  const busy = { ...silent, peers: peers.map((each) => ({ ...each, active: true })) };
  for (const [status, words] of [
    [{ leader: 0 }, "no leader is known"],
    [{ appliedIndex: 4 }, "entries up to 9 are committed, up to 4 applied here"],
    [silent, "no majority has confirmed it; no word from 2, 3 of voters 1, 2, 3"],
    [busy, "no majority has confirmed it"],
  ] as const) {
    const scene = new Scene();
    scene.status = status;
    const { detail } = await scene.withoutAnswer();
    assert.equal(detail, `no read came through in 300 ms: ${words}`);
  }
});

test("a refusal is said at once", async () => {
  for (const [reason, detail] of [
    ["noLeader", "no leader is known"],
    ["overloaded", "more reads wait than are taken"],
    ["stopped", "the replica has stopped"],
  ] as const) {
    const scene = new Scene();
    scene.status = { leader: 0 };
    const said = scene.check.ask();
    scene.reads[0]?.({ type: "refused", reason, leader: 0 });
    assert.deepEqual(await said, { ok: false, detail });
  }
});
