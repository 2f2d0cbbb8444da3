/**
 * Brings the group's membership to what the log says is wanted, and the transport to where the
 * members are.
 *
 * A reconciler: it takes no input but the records in the state and Raft's membership, so any leader
 * goes on where the last one stopped. One step at a time; a step that fails is taken again later.
 * Runs on every replica for the addresses, and on the leader for the rest. Called at each tick by
 * the composition root.
 */
import type { ReplicatedState } from "@atoll/control";
import type { GroupReplicaState, UserCommand } from "@atoll/domain";
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";

/** What a change of the membership came to; text is for the log. */
export type ChangeOutcome = "done" | { readonly failed: string };

/** The driver, as far as it is needed here. */
export interface GroupDriver {
  status(): ReplicaStatus;
  addReplica(id: ReplicaId, done: (outcome: ChangeOutcome) => void): void;
  removeReplica(id: ReplicaId, done: (outcome: ChangeOutcome) => void): void;
}

export interface GroupKeeperOptions {
  readonly self: ReplicaId;
  /** As the environment says: the seed of the records, and where to begin. */
  readonly configured: ReadonlyMap<ReplicaId, string>;
  readonly state: ReplicatedState;
  readonly driver: GroupDriver;
  readonly setPeers: (addresses: ReadonlyMap<ReplicaId, string>) => void;
  /** Writes to the log; `refused` is undefined when it did. */
  readonly submit: (command: UserCommand, done: (refused: string | undefined) => void) => void;
  readonly leading: () => boolean;
  readonly log: (text: string, fields: Readonly<Record<string, unknown>>) => void;
}

type Step =
  | { readonly type: "submit"; readonly command: UserCommand }
  | { readonly type: "add" | "remove"; readonly replica: ReplicaId };

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
    this.#followAddresses();
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
        if (text !== this.#lastFailure) log("a change of the group failed", { step: text });
        this.#lastFailure = text;
        return;
      }
      this.#lastFailure = "";
      log("the group changes", { step: describe(step) });
    };
    const changed = (outcome: ChangeOutcome): void =>
      ended(outcome === "done" ? undefined : outcome.failed);
    if (step.type === "submit") submit(step.command, ended);
    else if (step.type === "add") driver.addReplica(step.replica, changed);
    else driver.removeReplica(step.replica, changed);
  }

  /** The first thing that is not as wanted. */
  #next(): Step | undefined {
    const { state, driver, configured } = this.#options;
    const { membership } = driver.status();
    const members = membersOf(membership);
    const voters = new Set(membership.voters);
    const records = [...state.datacenter.groupReplicas()];
    const known = new Set(records.map(({ id }) => id));
    for (const replica of members) {
      const address = configured.get(replica);
      if (known.has(replica) || address === undefined) continue;
      const command = { type: "addReplica", replica, address, replaces: 0 } as const;
      return { type: "submit", command };
    }
    for (const record of records) {
      const step = stepFor(record, { members, voters, known });
      if (step !== undefined) return step;
    }
    return undefined;
  }

  #followAddresses(): void {
    const { state, driver, configured, self, setPeers } = this.#options;
    const members = membersOf(driver.status().membership);
    const peers = new Map<ReplicaId, string>();
    for (const [id, address] of configured) {
      // Before the membership is known the environment is all there is.
      if (members.size === 0 || members.has(id)) peers.set(id, address);
    }
    for (const { id, address, status } of state.datacenter.groupReplicas()) {
      if (status === "wanted" || members.has(id)) peers.set(id, address);
    }
    peers.delete(self);
    const text = JSON.stringify([...peers].toSorted(([left], [right]) => left - right));
    if (text === this.#peers) return;
    this.#peers = text;
    setPeers(peers);
  }
}

function stepFor(
  record: GroupReplicaState,
  group: {
    readonly members: ReadonlySet<ReplicaId>;
    readonly voters: ReadonlySet<ReplicaId>;
    readonly known: ReadonlySet<ReplicaId>;
  },
): Step | undefined {
  const { id, status, replaces } = record;
  if (status === "retired") {
    if (group.members.has(id)) return { type: "remove", replica: id };
    return { type: "submit", command: { type: "forgetReplica", replica: id } };
  }
  if (!group.members.has(id)) return { type: "add", replica: id };
  if (replaces === 0 || !group.voters.has(id) || !group.known.has(replaces)) return undefined;
  // Retired already: its own record takes it further.
  if (!group.members.has(replaces)) return undefined;
  return { type: "submit", command: { type: "removeReplica", replica: replaces } };
}

function membersOf(membership: ReplicaStatus["membership"]): Set<ReplicaId> {
  const { voters, outgoing, learners, learnersNext } = membership;
  return new Set([...voters, ...outgoing, ...learners, ...learnersNext]);
}

function describe(step: Step): string {
  if (step.type !== "submit") return `${step.type} replica ${step.replica}`;
  return JSON.stringify(step.command);
}
