import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { membershipOf } from "raft-ts";
import { RaftGroup } from "./raft-group.ts";
import { CALM_DISK } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const SECOND_US = 1_000_000;
const ROUNDS = 50;

interface Scene {
  readonly group: RaftGroup;
  readonly leader: number;
  readonly follower: number;
  /** Has the leader commit some entries, and everybody hold them. */
  readonly work: () => void;
  readonly until: (what: string, reached: () => boolean) => void;
}

/** Three replicas with a leader, which keep little in memory. */
function newScene(seed: number): Scene {
  const clock = new VirtualClock();
  const group = new RaftGroup({
    clock,
    prng: new Prng(seed),
    membership: membershipOf([1, 2, 3]),
    settings: { raft: { tailBytesMax: 100 } },
  });
  const until = (what: string, reached: () => boolean): void => {
    clock.runUntil(clock.nowUs + 10 * SECOND_US, reached);
    assert.ok(reached(), `seed ${seed}: never ${what}`);
  };
  until("a leader", () => group.leader() !== undefined);
  const leader = group.leader()?.id as number;
  const work = (): void => {
    let committed = 0;
    const data = Array.from({ length: 10 }, () => new Uint8Array(4));
    group.use(leader, (replica) => {
      replica.propose(data, (outcome) => {
        if (outcome.type === "committed") committed = outcome.lastIndex;
      });
    });
    until("everybody holds it, and the leader knows", () => {
      const peers = group.member(leader).replica?.status().peers ?? [];
      return committed > 0 && peers.every(({ matchIndex }) => matchIndex >= committed);
    });
  };
  const follower = (leader % 3) + 1;
  return { group, leader, follower, work, until };
}

test("a folder that is an older copy ends as a lost log, and is whole again", (context) => {
  const first = randomInt(2 ** 31);
  context.diagnostic(`seeds from ${first}`);
  for (let seed = first; seed < first + ROUNDS; seed += 1) {
    const { group, follower, work, until } = newScene(seed);
    work();
    const earlier = group.member(follower).store.durable.copy();
    work();
    const { lastIndex } = group.member(follower).store.durable;
    group.crash(follower, true);
    group.bringBack(follower, earlier);
    assert.equal(group.isWhole(follower), false);
    group.start(follower);
    until("told by its leader", () => group.counters.logsLost === 1);
    assert.ok(group.member(follower).failed, `seed ${seed}`);
    group.crash(follower, true);
    group.start(follower);
    until("whole", () => group.isWhole(follower));
    assert.ok(group.member(follower).store.durable.lastIndex >= lastIndex, `seed ${seed}`);
  }
});

test("a replica whose disk fails a read stops, and goes on after a restart", (context) => {
  const first = randomInt(2 ** 31);
  context.diagnostic(`seeds from ${first}`);
  for (let seed = first; seed < first + ROUNDS; seed += 1) {
    const { group, leader, follower, until } = newScene(seed);
    group.crash(follower, true);
    // So much more than is kept in memory that it must be read back for who was away.
    group.use(leader, (replica) => {
      for (let each = 0; each < 10; each += 1) replica.propose([new Uint8Array(40)], () => {});
    });
    const { store, replica } = group.member(leader);
    until("applied", () => (replica?.status().appliedIndex ?? 0) > 10);
    // What is under way to the one that is down is lost by then.
    group.clock.runUntil(group.clock.nowUs + SECOND_US);
    store.diskSettings = { ...CALM_DISK, readFailPerMille: 1_000 };
    group.start(follower);
    until("a failed read", () => group.counters.readFailures === 1);
    assert.ok(group.member(leader).failed, `seed ${seed}`);
    assert.equal(replica?.status().role, "stopped", `seed ${seed}`);
    store.diskSettings = CALM_DISK;
    group.crash(leader, true);
    group.start(leader);
    until("everybody holds all of it", () =>
      [...group.members.values()].every((each) => each.store.durable.lastIndex > 10),
    );
  }
});
