/**
 * The replicas of a scenario and the messages between them; nothing happens by itself.
 *
 * Everything is in the order of the scenario: work is handed over replica by replica, messages are
 * delivered in the order in which they were sent. Each piece of work leaves an observation behind
 * for the comparison. Called by interaction-cases.ts.
 */
import { assert, crc32c } from "@atoll/stdx";
import type { Effect, Input, ReplicaId } from "raft-ts";
import type { Outgoing, Proposal } from "./outgoing.ts";
import { kindInTheirWords } from "./outgoing.ts";
import type { Observation } from "./replica.ts";
import { Replica } from "./replica.ts";
import type { ReplicaOptions } from "./replica-options.ts";
import { NOTHING_TO_CHANGE, passesProposalsTo, waitsForItsTurn } from "./translation.ts";

export type ProposalFate = "taken" | "passedOn" | "changeRefused" | "dropped";

/** Who gets messages, or loses them. */
export interface Recipient {
  readonly id: ReplicaId;
  readonly drop: boolean;
}

/** More rounds than any scenario needs to settle. */
const ROUNDS_MAX = 1_000;

export class Group {
  readonly replicas: Replica[] = [];
  /** What each replica saw when it last handed over work, since the case began. */
  readonly observations: Map<ReplicaId, Observation> = new Map();
  /** What the changes of a membership entry were, by `term/index`, as the scenario writes them. */
  readonly changeTexts: Map<string, string> = new Map();
  #network: Outgoing[] = [];
  #nextProposal = 1;
  /** Changes that wait for the one before them, by replica. */
  readonly #waitingChanges: Map<ReplicaId, Proposal[]> = new Map();

  /** Observations are those of one command. */
  beginCommand(): void {
    this.observations.clear();
    for (const replica of this.replicas) replica.beginCommand();
  }

  add(options: ReplicaOptions): Replica {
    const replica = new Replica(this.replicas.length + 1, options);
    this.replicas.push(replica);
    return replica;
  }

  replica(id: ReplicaId): Replica {
    const found = this.replicas[id - 1];
    if (found === undefined) throw new Error(`there is no replica ${id}`);
    return found;
  }

  step(id: ReplicaId, input: Input): readonly Effect[] {
    const replica = this.replica(id);
    replica.answers = [];
    replica.step(input);
    return replica.answers;
  }

  /** Puts a message under way. */
  send(message: Outgoing): void {
    this.#network.push(message);
  }

  processReady(id: ReplicaId): void {
    const replica = this.replica(id);
    const { observation, messages } = replica.takeReady();
    this.observations.set(id, observation);
    this.#network.push(...messages);
    this.#proposeWaiting(replica);
  }

  processAppendThread(id: ReplicaId): void {
    this.#network.push(...this.replica(id).processAppendThread());
  }

  processApplyThread(id: ReplicaId): void {
    const replica = this.replica(id);
    replica.processApplyThread();
    this.#proposeWaiting(replica);
  }

  /** Delivers or loses what is under way to each recipient, in turn; gives how many there were. */
  deliver(recipients: readonly Recipient[], kind?: string): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const due = this.#network.filter(
        (message) =>
          message.to === id && (kind === undefined || kindInTheirWords(message) === kind),
      );
      this.#network = this.#network.filter((message) => !due.includes(message));
      count += due.length;
      if (drop) continue;
      const replica = this.replica(id);
      if (kind === undefined && replica.hasFinishedWrites) {
        replica.hearFinishedWrites();
        count += 1;
      }
      for (const message of due) this.#receive(replica, message);
    }
    return count;
  }

  /** Lets the named replicas work and hear each other until nothing is left to do. */
  stabilize(ids: readonly ReplicaId[]): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      let happened = 0;
      for (const id of ids) {
        if (!this.replica(id).hasReady) continue;
        this.processReady(id);
        happened += 1;
      }
      for (const id of ids) happened += this.deliver([{ id, drop: false }]);
      for (const id of ids) {
        for (; this.replica(id).hasAppendWork; happened += 1) this.processAppendThread(id);
      }
      for (const id of ids) {
        for (; this.replica(id).hasApplyWork; happened += 1) this.processApplyThread(id);
      }
      if (happened === 0) return;
    }
    throw new Error(`not stable after ${ROUNDS_MAX} rounds`);
  }

  propose(id: ReplicaId, proposal: Proposal): ProposalFate {
    const replica = this.replica(id);
    const answer = this.#give(id, proposal);
    if (answer.type === "proposalAccepted") {
      if (proposal.type === "changes") {
        this.changeTexts.set(`${answer.term}/${answer.firstIndex}`, proposal.text);
      }
      return "taken";
    }
    assert(answer.type === "proposalRefused", `answer ${answer.type}`);
    const view = replica.view();
    if (view.role !== "leader") {
      const to = passesProposalsTo(view);
      if (to === 0) return "dropped";
      replica.enqueue({ type: "proposal", from: id, to, proposal });
      return "passedOn";
    }
    if (proposal.type === "data") return "dropped";
    if (answer.reason !== "membershipChanging" && answer.reason !== "invalid") return "dropped";
    if (waitsForItsTurn(replica.options, answer.reason)) {
      this.#waitingChanges.set(id, [...(this.#waitingChanges.get(id) ?? []), proposal]);
      return "taken";
    }
    this.#give(id, { type: "data", data: NOTHING_TO_CHANGE });
    return "changeRefused";
  }

  /** Sends the newest snapshot that `from` has, whole and outside of the library's own transfer. */
  sendSnapshot(from: ReplicaId, to: ReplicaId): void {
    const replica = this.replica(from);
    const { metadata, content } = replica.store.newestSnapshot;
    this.send({
      type: "installSnapshot",
      from,
      to,
      term: replica.view().term,
      metadata,
      offset: 0,
      chunk: content,
      chunkChecksum: crc32c(content),
      last: true,
    });
  }

  #give(id: ReplicaId, proposal: Proposal): Effect {
    const number = this.#nextProposal;
    this.#nextProposal += 1;
    const input: Input =
      proposal.type === "data"
        ? { type: "propose", proposal: number, data: [proposal.data] }
        : {
            type: "changeMembership",
            proposal: number,
            changes: proposal.changes,
            transition: proposal.transition,
          };
    const answer = this.step(id, input).find(
      (effect) =>
        (effect.type === "proposalAccepted" || effect.type === "proposalRefused") &&
        effect.proposal === number,
    );
    if (answer === undefined) throw new Error(`no answer to the proposal at ${id}`);
    return answer;
  }

  #receive(replica: Replica, message: Outgoing): void {
    if (message.type === "proposal") this.propose(replica.id, message.proposal);
    else this.step(replica.id, { type: "message", message });
  }

  #proposeWaiting(replica: Replica): void {
    const waiting = this.#waitingChanges.get(replica.id) ?? [];
    this.#waitingChanges.delete(replica.id);
    for (const proposal of waiting) this.propose(replica.id, proposal);
  }
}
