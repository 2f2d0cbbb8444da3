/**
 * Brings the group's membership to what the log says is wanted, and the transport to where the
 * members are.
 *
 * A reconciler: it takes no input but the records in the state and Raft's membership, so any leader
 * goes on where the last one stopped. A wanted replica is added as a learner, promoted once it has
 * caught up, and put in the place of the one that it replaces in one joint change. A leader that is
 * to leave a group of two voters hands over first and leaves the rest to its successor. One step at
 * a time; a step that fails is taken again later. A replica that never comes stays a learner until
 * its record is retired, and holds up nobody else. Runs on every replica for the addresses, and on
 * the leader for the rest. Called at each tick by the composition root.
 */
import type { ReplicatedState } from "@atoll/control";
import type { GroupReplicaState, UserCommand } from "@atoll/domain";
import {
  additionStep,
  DEFAULT_REPLICA_SETTINGS,
  type MembershipOutcome,
  type ReplicaDriver,
  type ReplicaStatus,
  type TransferOutcome,
} from "@atoll/raft-replica";
import type { MembershipChange, ReplicaId } from "raft-ts";
import type { AddressFinder } from "./address-finder.ts";

export interface GroupKeeperOptions {
  readonly self: ReplicaId;
  /** As the environment says: the seed of the records, and where to begin. */
  readonly configured: ReadonlyMap<ReplicaId, string>;
  readonly state: ReplicatedState;
  readonly driver: Pick<ReplicaDriver, "status" | "changeMembership" | "handOver">;
  /** Where others are, as those tell that can be reached while nobody leads. */
  readonly finder: Pick<AddressFinder, "look">;
  readonly setPeers: (addresses: ReadonlyMap<ReplicaId, string>) => void;
  /** Writes to the log; `refused` is undefined when it did. */
  readonly submit: (command: UserCommand, done: (refused: string | undefined) => void) => void;
  readonly leading: () => boolean;
  readonly log: (text: string, fields: Readonly<Record<string, unknown>>) => void;
}

type Step =
  | { readonly type: "submit"; readonly command: UserCommand }
  | { readonly type: "change"; readonly changes: readonly MembershipChange[] }
  | { readonly type: "handOver"; readonly before: readonly MembershipChange[] };

const LOOK_EVERY_MS = 100;
/** A step without an answer is given up; the next look decides anew. */
const STEP_MS_MAX = 10_000;
const PAUSE_AFTER_FAILURE_MS = 1_000;

export class GroupKeeper {
  readonly #options: GroupKeeperOptions;
  #lookAtMs = 0;
  #givesUpAtMs = 0;
  #step = 0;
  #busy = false;
  #peers = "";
  #lastFailure = "";

  constructor(options: GroupKeeperOptions) {
    this.#options = options;
  }

  /** Called at each tick; looks every tenth of a second. */
  run(nowMs: number): void {
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    this.#followAddresses(nowMs);
    if (!this.#options.leading()) {
      this.#busy = false;
      return;
    }
    if (this.#busy && nowMs < this.#givesUpAtMs) return;
    const step = this.#next();
    if (step === undefined) return;
    this.#busy = true;
    this.#givesUpAtMs = nowMs + STEP_MS_MAX;
    this.#take(step, nowMs);
  }

  #take(step: Step, nowMs: number): void {
    const { driver, submit, log } = this.#options;
    this.#step += 1;
    const number = this.#step;
    const ended = (failed: string | undefined): void => {
      if (number !== this.#step) return;
      this.#busy = false;
      if (failed !== undefined) {
        this.#lookAtMs = nowMs + PAUSE_AFTER_FAILURE_MS;
        const text = `${describe(step)}: ${failed}`;
        const came = step.type === "handOver" ? "waits" : "failed";
        if (text !== this.#lastFailure) log(`a change of the group ${came}`, { step: text });
        this.#lastFailure = text;
        return;
      }
      this.#lastFailure = "";
      log("the group changes", { step: describe(step) });
    };
    switch (step.type) {
      case "submit":
        submit(step.command, ended);
        break;
      case "change":
        driver.changeMembership(step.changes, "auto", (outcome) => ended(failureOf(outcome)));
        break;
      case "handOver":
        driver.handOver((outcome) => ended(whyNobodyTookOver(outcome)));
        break;
    }
  }

  /** The first thing that is not as wanted. */
  #next(): Step | undefined {
    const { state, driver, configured } = this.#options;
    const status = driver.status();
    // An earlier change, this leader's or the last one's, ends by itself.
    if (status.membership.outgoing.length > 0) return undefined;
    const records = [...state.datacenter.groupReplicas()];
    const known = new Set(records.map(({ id }) => id));
    for (const replica of membersOf(status.membership)) {
      const address = configured.get(replica);
      if (known.has(replica) || address === undefined) continue;
      const command = { type: "addReplica", replica, address, replaces: 0 } as const;
      return { type: "submit", command };
    }
    for (const { id, replaces } of records) {
      // The new one votes: the old one's record must go before anything would add it again.
      const replaced = replaces !== 0 && status.membership.voters.includes(id);
      if (!replaced || state.datacenter.groupReplica(replaces)?.status !== "wanted") continue;
      return { type: "submit", command: { type: "removeReplica", replica: replaces } };
    }
    for (const record of records) {
      const step = stepFor(record, status);
      if (step !== undefined) return handOverBefore(step, status) ?? step;
    }
    return undefined;
  }

  #followAddresses(nowMs: number): void {
    const { state, driver, configured, self, finder, setPeers } = this.#options;
    const { membership, leader } = driver.status();
    const members = membersOf(membership);
    const peers = new Map<ReplicaId, string>();
    for (const [id, address] of configured) {
      // Before the membership is known the environment is all there is.
      if (members.size === 0 || members.has(id)) peers.set(id, address);
    }
    for (const { id, address, status } of state.datacenter.groupReplicas()) {
      if (status === "wanted" || members.has(id)) peers.set(id, address);
    }
    peers.delete(self);
    const { appliedIndex } = state;
    const bearings = { leader, appliedIndex, addresses: [...peers.values()] };
    for (const [id, address] of finder.look(nowMs, bearings)) peers.set(id, address);
    peers.delete(self);
    const text = JSON.stringify([...peers].toSorted(([left], [right]) => left - right));
    if (text === this.#peers) return;
    this.#peers = text;
    setPeers(peers);
  }
}

function stepFor(record: GroupReplicaState, status: ReplicaStatus): Step | undefined {
  const { id, replaces } = record;
  const { voters, learners } = status.membership;
  if (record.status === "retired") {
    const isMember = voters.includes(id) || learners.includes(id);
    if (isMember) return change({ type: "remove", replica: id });
    return { type: "submit", command: { type: "forgetReplica", replica: id } };
  }
  const step = additionStep(id, status, DEFAULT_REPLICA_SETTINGS.promoteLagEntries);
  if (step === "wait" || step === "none") return undefined;
  const addition = { type: step, replica: id };
  const replacesNow = step === "addVoter" && voters.includes(replaces);
  return replacesNow ? change(addition, { type: "remove", replica: replaces }) : change(addition);
}

/**
 * What comes before a step in which this leader leaves a group of two voters: it alone knows what
 * is committed, and the other one could not be elected without it.
 */
function handOverBefore(step: Step, { id, membership }: ReplicaStatus): Step | undefined {
  if (step.type !== "change" || membership.voters.length !== 2) return undefined;
  const isLeaving = step.changes.some(({ type, replica }) => type === "remove" && replica === id);
  const isVoter = membership.voters.includes(id);
  return isLeaving && isVoter ? { type: "handOver", before: step.changes } : undefined;
}

function change(...changes: readonly MembershipChange[]): Step {
  return { type: "change", changes };
}

function failureOf(outcome: MembershipOutcome): string | undefined {
  switch (outcome.type) {
    case "committed":
      return undefined;
    case "refused":
    case "invalid":
      return outcome.reason;
    case "unknown":
      return "leadership ended meanwhile";
  }
}

function whyNobodyTookOver(outcome: TransferOutcome): string | undefined {
  if (outcome.type === "handedOver") return undefined;
  if (outcome.type === "failed") return "the other voter did not take over in time";
  return outcome.reason === "notVoter" ? "the other voter does not answer" : outcome.reason;
}

function membersOf(membership: ReplicaStatus["membership"]): Set<ReplicaId> {
  const { voters, outgoing, learners, learnersNext } = membership;
  return new Set([...voters, ...outgoing, ...learners, ...learnersNext]);
}

function describe(step: Step): string {
  switch (step.type) {
    case "submit":
      return JSON.stringify(step.command);
    case "change":
      return describeChanges(step.changes);
    case "handOver":
      return `hand over to the other voter before ${describeChanges(step.before)}`;
  }
}

function describeChanges(changes: readonly MembershipChange[]): string {
  return changes.map(({ type, replica }) => `${type} ${replica}`).join(", ");
}
