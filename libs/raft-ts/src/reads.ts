/**
 * Linearizable reads without the log: ReadIndex (dissertation §6.4).
 *
 * A leader notes its commit index, then proves by a round of heartbeats that it still leads; only
 * then may a read at that index be served. Reads that arrive while a round is under way share the
 * next one. A follower asks its leader, again one request for all that collected. A new leader
 * first commits its no-op. No clock is trusted, so a stopped and resumed leader serves nothing
 * stale.
 */
import { broadcastHeartbeat } from "./heartbeat.ts";
import type { ReadIndexReply, ReadIndexRequest } from "./message.ts";
import { isQuorum } from "./quorum.ts";
import type { ReadOrigin, RaftState } from "./state.ts";
import { isRecovering, send, takeContext } from "./state.ts";

/** Takes in a read of this replica. */
export function addRead(state: RaftState, read: number): void {
  if (readsPending(state) >= state.settings.readsPendingMax) {
    const leader = state.leader;
    state.outbox.answers.push({ type: "readRefused", read, reason: "overloaded", leader });
    return;
  }
  state.readsCollected.push({ read, ageTicks: 0 });
}

/** A follower asks on behalf of its own reads. */
export function handleReadIndexRequest(state: RaftState, message: ReadIndexRequest): void {
  const { from, context } = message;
  if (state.role !== "leader" || readsPending(state) >= state.settings.readsPendingMax) {
    replyToRead(state, { type: "peer", from, context, index: undefined }, 0);
    return;
  }
  // Acknowledgements of its earlier life may still be under way, for any entry there is.
  const index = message.recovering === true ? state.log.lastIndex : undefined;
  state.peerReads.push({ type: "peer", from, context, index });
}

/** The leader's answer to this follower. */
export function handleReadIndexReply(state: RaftState, message: ReadIndexReply): void {
  const forwarded = state.forwarded;
  if (forwarded === undefined || forwarded.context !== message.context) return;
  if (message.from !== state.leader) return;
  // It could not confirm one now; the request is repeated with the next heartbeat interval.
  if (message.index === 0) return;
  state.forwarded = undefined;
  for (const read of forwarded.reads) answer(state, read, message.index);
  if (forwarded.askedRecovering) return;
  // The leader committed up to `index`; as far as the logs agree that is committed here too.
  const known = Math.min(message.index, state.matchedIndex, state.log.lastIndex);
  if (known > state.log.committedIndex) state.log.commitTo(known);
}

/** A heartbeat reply of `round` proves that its sender still followed when the round began. */
export function confirmRound(state: RaftState, from: number, round: number): void {
  const current = state.readRound;
  if (current === undefined || round < current.number) return;
  current.confirmedBy.add(from);
  settleRound(state);
}

/** Starts the next round or request when reads have collected and none is under way. */
export function advanceReads(state: RaftState): void {
  if (state.role === "leader") startRound(state);
  else if (state.leader !== 0 && state.forwarded === undefined) forward(state);
}

/** Reads age; those that found no leader in time are refused. */
export function tickReads(state: RaftState): void {
  const forwarded = state.forwarded;
  if (forwarded !== undefined) {
    forwarded.idleTicks += 1;
    if (forwarded.idleTicks % state.settings.heartbeatTicks === 0) sendRequest(state);
  }
  const limit = state.settings.readTimeoutTicks;
  let expired = false;
  for (const each of state.readsCollected) {
    each.ageTicks += 1;
    if (each.ageTicks >= limit) expired = true;
  }
  for (const [read, age] of state.readAges) {
    state.readAges.set(read, age + 1);
    if (age + 1 >= limit) expired = true;
  }
  if (!expired) return;
  takeBackReads(state);
  const late = state.readsCollected.filter((each) => each.ageTicks >= limit);
  state.readsCollected = state.readsCollected.filter((each) => each.ageTicks < limit);
  for (const { read } of late) {
    const leader = state.leader === state.id ? 0 : state.leader;
    state.outbox.answers.push({ type: "readRefused", read, reason: "noLeader", leader });
  }
}

/** Own reads under way go back to be asked for anew; those of peers are theirs to repeat. */
export function takeBackReads(state: RaftState): void {
  const own: number[] = [...(state.forwarded?.reads ?? [])];
  for (const origin of state.readRound?.origins ?? []) {
    if (origin.type === "own") own.push(origin.read);
  }
  const back = own.map((read) => ({ read, ageTicks: state.readAges.get(read) ?? 0 }));
  if (back.length > 0) state.readsCollected = [...back, ...state.readsCollected];
  state.readAges.clear();
  state.forwarded = undefined;
  state.readRound = undefined;
  state.peerReads = [];
}

function startRound(state: RaftState): void {
  if (state.readRound !== undefined) return;
  if (state.readsCollected.length === 0 && state.peerReads.length === 0) return;
  // Until the no-op is committed the commit index may lie behind what earlier leaders committed.
  if (state.log.committedIndex < state.termStartIndex) return;
  const origins: ReadOrigin[] = state.peerReads;
  for (const { read, ageTicks } of state.readsCollected) {
    origins.push({ type: "own", read });
    state.readAges.set(read, ageTicks);
  }
  state.peerReads = [];
  state.readsCollected = [];
  state.readRound = {
    number: state.nextReadRound,
    index: state.log.committedIndex,
    origins,
    confirmedBy: new Set([state.id]),
  };
  state.nextReadRound += 1;
  broadcastHeartbeat(state);
  settleRound(state);
}

/** Answers the round that is under way if a quorum has confirmed it. */
export function settleRound(state: RaftState): void {
  const round = state.readRound;
  if (round === undefined) return;
  if (!isQuorum(state.membership, (id) => round.confirmedBy.has(id))) return;
  state.readRound = undefined;
  for (const origin of round.origins) {
    if (origin.type === "own") answer(state, origin.read, round.index);
    else replyToRead(state, origin, origin.index ?? round.index);
  }
}

function forward(state: RaftState): void {
  if (state.readsCollected.length === 0) return;
  const reads = state.readsCollected.map((each) => each.read);
  for (const { read, ageTicks } of state.readsCollected) state.readAges.set(read, ageTicks);
  state.readsCollected = [];
  state.forwarded = { context: takeContext(state), reads, idleTicks: 0, askedRecovering: false };
  sendRequest(state);
}

function sendRequest(state: RaftState): void {
  if (state.forwarded === undefined || state.leader === 0) return;
  if (isRecovering(state)) state.forwarded.askedRecovering = true;
  send(state, {
    type: "readIndexRequest",
    from: state.id,
    to: state.leader,
    term: state.term,
    context: state.forwarded.context,
  });
}

function answer(state: RaftState, read: number, index: number): void {
  state.readAges.delete(read);
  state.outbox.answers.push({ type: "readReady", read, index });
}

function replyToRead(state: RaftState, origin: ReadOrigin, index: number): void {
  if (origin.type !== "peer") return;
  send(state, {
    type: "readIndexReply",
    from: state.id,
    to: origin.from,
    term: state.term,
    context: origin.context,
    index,
  });
}

function readsPending(state: RaftState): number {
  return state.readsCollected.length + state.readAges.size + state.peerReads.length;
}
