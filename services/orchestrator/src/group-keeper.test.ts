/** The group keeper: from records and membership to steps, one at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as codec from "@atoll/codec";
import { ReplicatedState } from "@atoll/control";
import { decide, type DomainEvent, type UserCommand } from "@atoll/domain";
import type {
  MembershipOutcome,
  PeerProgress,
  ReplicaStatus,
  TransferOutcome,
} from "@atoll/raft-replica";
import { type MembershipChange, membershipOf, planChange, type ReplicaId } from "raft-ts";
import { GroupKeeper } from "./group-keeper.ts";

const CONFIGURED = new Map([1, 2, 3].map((id) => [id, `10.0.0.${id}:7500`]));

/** A leader without Raft: changes happen at once, unless `refuse` says why not. */
class FakeLeader {
  readonly state: ReplicatedState = new ReplicatedState(codec);
  readonly steps: string[] = [];
  readonly peers = new Map<ReplicaId, PeerProgress>();
  membership: ReplicaStatus["membership"] = membershipOf([1, 2, 3]);
  addresses: ReadonlyMap<ReplicaId, string> = new Map();
  told: ReadonlyMap<ReplicaId, string> = new Map();
  leading = true;
  refuse: MembershipOutcome | undefined;
  /** What handing over comes to. */
  handsOver: TransferOutcome = { type: "handedOver", leader: 2 };
  readonly logged: string[] = [];
  lastIndex = 5_000;
  readonly keeper: GroupKeeper;
  #nowMs = 0;

  constructor(configured: ReadonlyMap<ReplicaId, string> = CONFIGURED) {
    this.keeper = new GroupKeeper({
      self: 1,
      configured,
      state: this.state,
      driver: {
        status: () => this.#status(),
        changeMembership: (changes, _transition, done) => this.#change(changes, done),
        handOver: (done) => this.#handOver(done),
      },
      finder: { look: () => this.told },
      setPeers: (addresses) => (this.addresses = addresses),
      submit: (command, done) => {
        this.steps.push(`${command.type} ${"replica" in command ? command.replica : ""}`);
        done(this.submit(command));
      },
      leading: () => this.leading,
      log: (text, { step }) => void this.logged.push(`${text}: ${String(step)}`),
    });
  }

  submit(command: UserCommand): string | undefined {
    const context = { nowMs: 1, actor: "test", requestId: "" };
    const decision = decide(this.state.datacenter, command, context);
    if (decision.type === "rejected") return decision.reason;
    this.append(decision.events);
    return undefined;
  }

  append(events: readonly DomainEvent[]): void {
    const recorded = events.map((event) => ({ event, actor: "test" }));
    const data = codec.encodeLogEntry({ stampMs: 1, events: recorded });
    this.state.apply(this.state.appliedIndex + 1, data);
  }

  /** Lets time pass until nothing more happens; returns the steps. */
  settle(): readonly string[] {
    this.steps.length = 0;
    for (let quiet = 0; quiet < 30; quiet += 1) {
      const before = this.steps.length;
      this.keeper.run((this.#nowMs += 100));
      if (this.steps.length > before) quiet = 0;
      assert.ok(this.steps.length < 100, "it never comes to rest");
    }
    return [...this.steps];
  }

  #change(changes: readonly MembershipChange[], done: (outcome: MembershipOutcome) => void): void {
    this.steps.push(changes.map(({ type, replica }) => `${type} ${replica}`).join(", "));
    if (this.refuse !== undefined) return done(this.refuse);
    const planned = planChange(this.membership, changes, "auto");
    if (planned.type === "refused") return done({ type: "invalid", reason: planned.reason });
    const left = planned.membership.outgoing.length > 0;
    this.membership = left ? membershipOf(planned.membership.voters) : planned.membership;
    done({ type: "committed", firstIndex: 1, lastIndex: 1, term: 1 });
  }

  #handOver(done: (outcome: TransferOutcome) => void): void {
    this.steps.push("hand over");
    if (this.handsOver.type === "handedOver") this.leading = false;
    done(this.handsOver);
  }

  #status(): ReplicaStatus {
    const index = this.lastIndex;
    const numbers = { firstIndex: 1, lastIndex: index, commitIndex: index, appliedIndex: index };
    return {
      id: 1,
      role: "leader",
      term: 1,
      leader: 1,
      ...numbers,
      snapshotIndex: 0,
      membership: this.membership,
      peers: [...this.peers.values()],
    } as ReplicaStatus;
  }

  caughtUp(id: ReplicaId, matchIndex = 4_990): void {
    const about = { state: "replicate", active: true, recovering: false } as const;
    this.peers.set(id, { id, matchIndex, ...about });
  }
}

test("seeds the records from the environment once, then rests", () => {
  const leader = new FakeLeader();
  assert.deepEqual(leader.settle(), ["addReplica 1", "addReplica 2", "addReplica 3"]);
  assert.deepEqual(leader.settle(), []);
  assert.deepEqual(
    [...leader.addresses],
    [
      [2, "10.0.0.2:7500"],
      [3, "10.0.0.3:7500"],
    ],
  );
});

test("adds a learner, and promotes it only once it is close to the end of the log", () => {
  const leader = new FakeLeader();
  leader.settle();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 0 });
  leader.caughtUp(4, 100);
  assert.deepEqual(leader.settle(), ["addLearner 4"]);
  assert.equal(leader.addresses.get(4), "10.0.0.4:7500");
  leader.caughtUp(4, 4_000);
  assert.deepEqual(leader.settle(), ["addVoter 4"]);
  assert.deepEqual(leader.membership.voters, [1, 2, 3, 4]);
});

test("takes a retired replica out, forgets it, and lets its address go", () => {
  const leader = new FakeLeader();
  leader.settle();
  leader.submit({ type: "removeReplica", replica: 3 });
  assert.deepEqual(leader.settle(), ["remove 3", "forgetReplica 3"]);
  assert.deepEqual(leader.membership.voters, [1, 2]);
  assert.deepEqual([...leader.addresses.keys()], [2]);
  assert.deepEqual(leader.settle(), [], "the environment does not bring it back");
});

/** Two voters, of which the leader is to go. */
function leavingLeader(): FakeLeader {
  const leader = new FakeLeader();
  leader.membership = membershipOf([1, 2]);
  leader.settle();
  leader.logged.length = 0;
  return leader;
}

test("a leader of two voters hands over, and leaves its removal to the other one", () => {
  const leader = leavingLeader();
  leader.submit({ type: "removeReplica", replica: 1 });
  assert.deepEqual(leader.settle(), ["hand over"]);
  assert.deepEqual(leader.logged, [
    "the group changes: hand over to the other voter before remove 1",
  ]);
  assert.deepEqual(leader.membership.voters, [1, 2]);
  assert.deepEqual(leader.settle(), [], "it leads no more");
});

test("a leader of two voters that is replaced hands over before the joint change", () => {
  const leader = leavingLeader();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.1:7500", replaces: 1 });
  leader.caughtUp(4);
  assert.deepEqual(leader.settle(), ["addLearner 4", "hand over"]);
  assert.deepEqual(leader.membership.voters, [1, 2]);
});

for (const [outcome, reason] of [
  [{ type: "refused", reason: "notVoter", leader: 1 }, "the other voter does not answer"],
  [{ type: "failed" }, "the other voter did not take over in time"],
] as const) {
  test(`a leader of two voters waits with its removal, and says why: ${reason}`, () => {
    const leader = leavingLeader();
    leader.submit({ type: "removeReplica", replica: 1 });
    leader.handsOver = outcome;
    leader.steps.length = 0;
    for (let nowMs = 100_000; nowMs < 103_000; nowMs += 10) leader.keeper.run(nowMs);
    assert.deepEqual(leader.steps, ["hand over", "hand over", "hand over"]);
    assert.deepEqual(leader.logged, [
      `a change of the group waits: hand over to the other voter before remove 1: ${reason}`,
    ]);
    assert.deepEqual(leader.membership.voters, [1, 2]);
    leader.handsOver = { type: "handedOver", leader: 2 };
    leader.keeper.run(104_000);
    assert.equal(leader.leading, false, "it hands over as soon as that is possible");
  });
}

test("nobody hands over to remove the other one of two, or itself of three", () => {
  const two = leavingLeader();
  two.submit({ type: "removeReplica", replica: 2 });
  assert.deepEqual(two.settle(), ["remove 2", "forgetReplica 2"]);
  const three = new FakeLeader();
  three.settle();
  three.submit({ type: "removeReplica", replica: 1 });
  assert.equal(three.settle()[0], "remove 1");
});

test("replaces in one joint change, then forgets the old one and never adds it again", () => {
  const leader = new FakeLeader();
  leader.settle();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.3:7500", replaces: 3 });
  leader.caughtUp(4);
  assert.deepEqual(leader.settle(), [
    "addLearner 4",
    "addVoter 4, remove 3",
    "removeReplica 3",
    "forgetReplica 3",
  ]);
  assert.deepEqual(leader.membership.voters, [1, 2, 4]);
  assert.deepEqual(
    [...leader.state.datacenter.groupReplicas()].map(({ id, replaces }) => [id, replaces]),
    [
      [1, 0],
      [2, 0],
      [4, 0],
    ],
  );
});

test("another leader goes on where the first one stopped", () => {
  const first = new FakeLeader();
  first.settle();
  first.submit({ type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 3 });
  first.settle();
  const second = new FakeLeader();
  second.membership = first.membership;
  second.state.restore(first.state.appliedIndex, first.state.snapshot());
  second.caughtUp(4);
  assert.deepEqual(second.settle(), ["addVoter 4, remove 3", "removeReplica 3", "forgetReplica 3"]);
});

test("a step that fails is taken again, not at every look", () => {
  const leader = new FakeLeader();
  leader.settle();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 0 });
  leader.refuse = { type: "refused", reason: "membershipChanging", leader: 1 };
  leader.steps.length = 0;
  for (let nowMs = 100_000; nowMs < 103_000; nowMs += 10) leader.keeper.run(nowMs);
  assert.equal(leader.steps.length, 3);
});

test("a replica takes calls from members that it was told of, though the state names none", () => {
  const leader = new FakeLeader(new Map([[2, "10.0.0.2:7500"]]));
  leader.leading = false;
  leader.membership = membershipOf([]);
  leader.told = new Map([
    [1, "10.0.0.1:7500"],
    [5, "10.0.0.5:7500"],
  ]);
  leader.settle();
  assert.deepEqual([...leader.addresses.keys()], [2, 5]);
});

test("a follower follows addresses and changes nothing", () => {
  const leader = new FakeLeader();
  leader.leading = false;
  leader.append([{ type: "replicaAddressSet", replica: 2, address: "10.9.9.9:1", replaces: 0 }]);
  assert.deepEqual(leader.settle(), []);
  assert.equal(leader.addresses.get(2), "10.9.9.9:1");
  assert.equal(leader.addresses.get(3), "10.0.0.3:7500");
});

test("a learner that recovers, or gets a snapshot, is not promoted", () => {
  const leader = new FakeLeader();
  leader.settle();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 0 });
  const about = { id: 4, matchIndex: 5_000, active: true };
  leader.peers.set(4, { ...about, state: "replicate", recovering: true });
  assert.deepEqual(leader.settle(), ["addLearner 4"]);
  leader.peers.set(4, { ...about, state: "snapshot", recovering: false });
  assert.deepEqual(leader.settle(), []);
  leader.caughtUp(4);
  assert.deepEqual(leader.settle(), ["addVoter 4"]);
});

test("a learner that never answered is not promoted, however short the log is", () => {
  const leader = new FakeLeader();
  leader.lastIndex = 60;
  leader.settle();
  leader.submit({ type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 0 });
  leader.peers.set(4, { id: 4, matchIndex: 0, state: "probe", active: true, recovering: false });
  assert.deepEqual(leader.settle(), ["addLearner 4"]);
  leader.caughtUp(4, 1);
  assert.deepEqual(leader.settle(), ["addVoter 4"]);
});
