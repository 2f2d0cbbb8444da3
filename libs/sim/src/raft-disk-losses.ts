/**
 * Members of a simulated Raft group whose disk holds less than it promised, and what becomes of
 * them.
 *
 * A log that is damaged or blank says so itself. A folder that is an older copy does not: its
 * leader tells, the replica stops, and its next life begins as a lost log. Who goes on although its
 * leader knows better breaks a promise. Called by the group alone.
 */
import { LogLostError } from "@atoll/raft-replica";
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { Message } from "raft-ts";
import type { RaftCheckers } from "./raft-checkers.ts";
import type { RaftCounters } from "./raft-counters.ts";
import type { LogImage } from "./raft-log-store.ts";
import type { SimulatedReplica } from "./raft-member.ts";
import { DiskFailedError } from "./simulated-disk.ts";
import { Violation } from "./violation.ts";

export class DiskLosses {
  readonly #checkers: RaftCheckers;
  readonly #counters: RaftCounters;

  constructor(checkers: RaftCheckers, counters: RaftCounters) {
    this.#checkers = checkers;
    this.#counters = counters;
  }

  /** A blank log takes the place of one that is lost; the member is down. */
  rebuild(member: SimulatedReplica, standing: "recovering" | "blank"): void {
    this.#checkers.losing(member.id);
    member.store.rebuild(standing);
    member.distrusted = false;
    member.forgotTo = 0;
    member.lostAtElection = this.#counters.elections;
  }

  /** The folder of a member that is down is replaced by an older copy of itself. */
  bringBack(member: SimulatedReplica, earlier: LogImage): void {
    this.#counters.staleCopies += 1;
    member.forgotTo = member.store.durable.lastIndex;
    member.store.bringBack(earlier);
    this.#checkers.wentBack(member.id);
  }

  /** A replica has stopped for good. */
  failed(member: SimulatedReplica, error: Error): void {
    if (error instanceof LogLostError && member.forgotTo > 0) {
      this.#counters.logsLost += 1;
      member.distrusted = true;
    } else if (error instanceof DiskFailedError) {
      if (error.code === "NO_SPACE") this.#counters.disksFull += 1;
      else if (error.code === "READ_FAILED") this.#counters.readFailures += 1;
      else this.#counters.syncFailures += 1;
    } else {
      throw error;
    }
    member.failed = true;
  }

  /** A replica was looked at; one that holds again what it forgot is whole. */
  observed(member: SimulatedReplica, status: ReplicaStatus): void {
    const heldTo = Math.min(status.commitIndex, member.store.durable.lastIndex);
    if (heldTo >= member.forgotTo) member.forgotTo = 0;
    if (member.lostAtElection === undefined || !isWhole(member)) return;
    this.#counters.recoveries += 1;
    if (this.#counters.elections > member.lostAtElection) {
      this.#counters.recoveriesOverElections += 1;
    }
    member.lostAtElection = undefined;
  }

  /** A replica has taken in messages: none that a whole one must answer by stopping. */
  received({ id, replica, store }: SimulatedReplica, messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type !== "heartbeat" || message.commitIndex <= store.current.lastIndex) continue;
      const status = replica?.status();
      if (status === undefined || status.role === "stopped") return;
      if (status.recovery !== undefined || status.term !== message.term) continue;
      if (message.commitIndex > status.lastIndex) {
        throw new Violation(`${id} goes on without ${message.commitIndex}, which it acknowledged`);
      }
    }
  }
}

/** Whether a member holds all it promised. */
export function isWhole({ store, distrusted, forgotTo }: SimulatedReplica): boolean {
  if (distrusted || forgotTo > 0) return false;
  return store.durable.standing === "whole" || store.durable.standing === "founded";
}
