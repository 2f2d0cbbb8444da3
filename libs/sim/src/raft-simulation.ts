/**
 * One run of a random Raft group under random faults, fixed by its seed.
 *
 * Two phases: first anything goes and only safety counts; then the faults end, and those that may
 * live must elect a leader, commit, agree, and serve reads within a bounded time. The same seed on
 * the same code gives the same run, event by event; the digest proves it. Called by the test suite
 * and the command line.
 */
import type { Operation } from "@atoll/linearizability";
import { checkLinearizability, describeVerdict } from "@atoll/linearizability";
import { Prng } from "@atoll/stdx";
import type { ReplicaSettings } from "@atoll/raft-replica";
import type { Membership, ReplicaId } from "raft-ts";
import { membersOf, membershipOf } from "raft-ts";
import { KEYS, RaftClients } from "./raft-clients.ts";
import type { RaftCounters } from "./raft-counters.ts";
import { RaftFaults } from "./raft-faults.ts";
import { RaftGroup } from "./raft-group.ts";
import { Violation } from "./violation.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** How long faults last, in virtual time. */
const SAFETY_US = 6_000_000;
/** One run in so many of several replicas lasts longer, for one to stand still that long. */
const SLEEPS_EVERY = 25;
const SLEEP_US_MIN = 10_000_000;
const SLEEP_US_MAX = 60_000_000;
/** How long a healed group may take to agree: a new voter with the smallest windows needs long. */
const LIVENESS_US = 20_000_000;
/** So long clients go on after the healing. */
const PEACE_US = 1_000_000;

/** So few may be too long among any number of seeds; of many, one in a hundred. */
const UNDECIDED_FEW = 5;
const UNDECIDED_ONE_IN = 100;

/** How many of the histories of `seeds` runs may go without a verdict, or they prove too little. */
export function undecidedMax(seeds: number): number {
  return Math.max(UNDECIDED_FEW, Math.floor(seeds / UNDECIDED_ONE_IN));
}

export interface RaftSimulationResult {
  readonly seed: number;
  readonly voters: number;
  /** Undefined when all went well. */
  readonly failure: Error | undefined;
  readonly counters: RaftCounters;
  /** Callbacks that ran. */
  readonly steps: number;
  /** Virtual time, in milliseconds. */
  readonly virtualMs: number;
  readonly committedIndex: number;
  readonly digest: string;
  /** What clients asked and were told, where the run came to its end. */
  readonly history: readonly Operation[];
  /** The history was too long to search: whether it is linearizable nobody has said. */
  readonly isUndecided: boolean;
}

/**
 * Runs one seed.
 * @param trace told of every event; for reading a failing run.
 */
export function simulateRaft(seed: number, trace?: (line: string) => void): RaftSimulationResult {
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const draws = prng.child("shape");
  const voters = draws.pick([1, 3, 3, 3, 3, 5, 5]);
  const membership = membershipOf(Array.from({ length: voters }, (_, at) => at + 1));
  const settings = drawSettings(draws);
  const founding = draws.chance(1, 4);
  const sleeps = voters > 1 && draws.chance(1, SLEEPS_EVERY);
  const sleepUs = sleeps ? draws.between(SLEEP_US_MIN, SLEEP_US_MAX) : 0;
  const untilUs = SAFETY_US + sleepUs;
  const group = new RaftGroup({
    clock,
    prng: prng.child("group"),
    membership,
    settings,
    founding,
    receiveTogetherUs: draws.pick([0, 0, 300, 3_000]),
    ...(trace === undefined ? {} : { trace }),
  });
  let failure: Error | undefined;
  let history: readonly Operation[] = [];
  let isUndecided = false;
  try {
    const pace = Math.ceil(untilUs / SAFETY_US);
    const count = draws.between(1, 6);
    const clients = new RaftClients(group, prng.child("clients"), { count, pace });
    const faults = new RaftFaults(group, prng.child("faults"), { untilUs, sleepUs });
    clock.runUntil(untilUs);
    if (founding) group.counters.foundings += 1;
    const dead = faults.heal();
    converge(group, clients, dead);
    history = clients.history.operations();
    const verdict = checkLinearizability(history);
    isUndecided = verdict.type === "gaveUp";
    if (verdict.type === "notLinearizable") throw new Violation(describeVerdict(verdict));
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  countMemberships(group);
  return {
    seed,
    voters,
    failure,
    counters: group.counters,
    steps: clock.steps,
    virtualMs: clock.monotonicMs(),
    committedIndex: group.checkers.committedIndex,
    digest: group.digest,
    history,
    isUndecided,
  };
}

/** Bounds small enough that every one of them is met in a few seconds. */
function drawSettings(prng: Prng): Partial<ReplicaSettings> {
  const immediate = prng.chance(1, 2);
  // Forgets at once whatever it may, so that whoever lags behind needs a snapshot.
  const forgetful = prng.chance(1, 3);
  return {
    snapshotEveryEntries: forgetful ? 5 : prng.pick([10, 40, 200, 100_000]),
    retainEntries: forgetful ? 0 : prng.pick([0, 5, 50, 1_000_000]),
    proposalsPendingMax: prng.pick([2, 1_000]),
    applyBytesPerTurnMax: prng.pick([2_000, 1 << 20]),
    raft: {
      appendBytesMax: prng.pick([1, 300, 4_096, 1 << 20]),
      inFlightMessagesMax: prng.pick([1, 2, 16]),
      inFlightBytesMax: prng.pick([1, 1_000, 1 << 20]),
      writeBytesMax: prng.pick([1, 500, 1 << 20]),
      writesInFlightMax: prng.pick([1, 1, 2, 4]),
      applyBytesMax: prng.pick([1, 400, 1 << 20]),
      uncommittedBytesMax: prng.pick([200, 2_000, 1 << 20]),
      tailBytesMax: forgetful ? 1 : prng.pick([1, 500, 5_000, 1 << 20]),
      snapshotChunkBytes: prng.pick([16, 200, 1 << 20]),
      commitNotice: immediate ? "immediate" : "tick",
    },
  };
}

/** The healed part must commit anew and reach one state, and a read must see it. */
function converge(group: RaftGroup, clients: RaftClients, dead: ReadonlySet<ReplicaId>): void {
  const { clock } = group;
  // Who is there is known only once the last change is through.
  const live = (): ReplicaId[] =>
    membersOf(group.checkers.membership).filter((id) => !dead.has(id));
  const endUs = clock.nowUs + LIVENESS_US;
  // Clients go on for a while on the healed group.
  clock.runUntil(clock.nowUs + PEACE_US);
  clients.stop();
  let marker = 0;
  const tryMarker = (): void => {
    if (marker > 0) return;
    const leader = group.leader();
    if (leader !== undefined) {
      leaveJoint(group, leader.id);
      clients.write(leader.id, (index) => (marker = Math.max(marker, index)));
    }
    clock.schedule(100_000, tryMarker);
  };
  tryMarker();
  supervise(group, dead);
  const agreed = (): boolean => {
    // A joint configuration is left by itself, or by whoever entered it.
    if (marker === 0 || group.checkers.membership.outgoing.length > 0) return false;
    return live().every((id) => group.member(id).stateMachine.appliedIndex >= marker);
  };
  clock.runUntil(endUs, agreed);
  if (!agreed()) throw new Violation(`no agreement after healing: ${describeGroup(group, marker)}`);
  // A second attempt may still commit; these reads need to see what is finished now.
  const finished = marker;
  const readers = live();
  let readsLeft = readers.length * KEYS;
  for (const id of readers) {
    for (let key = 0; key < KEYS; key += 1) {
      clients.read(id, key, (index) => {
        if (index >= finished) readsLeft -= 1;
      });
    }
  }
  clock.runUntil(endUs, () => readsLeft === 0);
  if (readsLeft > 0) {
    const place = describeGroup(group, marker);
    throw new Violation(`${readsLeft} reads failed after healing: ${place}`);
  }
}

/** What was done to a disk before the healing may be found out after it: it is started again. */
function supervise(group: RaftGroup, dead: ReadonlySet<ReplicaId>): void {
  for (const [id, member] of group.members) {
    if (!member.failed || dead.has(id)) continue;
    group.crash(id, true);
    group.start(id);
  }
  group.clock.schedule(100_000, () => supervise(group, dead));
}

/** Whoever entered a joint configuration that does not leave itself finishes what was begun. */
function leaveJoint(group: RaftGroup, leader: ReplicaId): void {
  group.use(leader, (replica) => {
    const { outgoing, autoLeave } = replica.status().membership;
    if (outgoing.length > 0 && !autoLeave) replica.changeMembership([], "auto", () => {});
  });
}

/** Tells the counters what became of the members. */
function countMemberships(group: RaftGroup): void {
  const { counters, checkers } = group;
  const all = checkers.memberships();
  for (let at = 1; at < all.length; at += 1) {
    const before = all[at - 1] as Membership;
    const after = all[at] as Membership;
    counters.membershipChanges += 1;
    if (after.outgoing.length > 0) counters.jointsEntered += 1;
    if (before.learners.some((id) => after.voters.includes(id))) counters.learnersPromoted += 1;
    const voted = [...before.voters, ...before.outgoing];
    if (after.learners.some((id) => voted.includes(id))) counters.votersDemoted += 1;
  }
}

function describeGroup(group: RaftGroup, marker: number): string {
  const members = [...group.members.values()].map((member) => {
    const status = member.replica?.status();
    if (status === undefined) return `${member.id} down`;
    const { role, term, leader, lastIndex, commitIndex, appliedIndex } = status;
    const place = `last ${lastIndex} commit ${commitIndex} applied ${appliedIndex}`;
    return `${member.id} ${role} term ${term} leader ${leader} ${place}`;
  });
  return `marker ${marker}; ${members.join("; ")}`;
}
