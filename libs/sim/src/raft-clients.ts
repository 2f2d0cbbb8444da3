/**
 * Clients of a simulated Raft group: they write, compare-and-set and read registers, one request at
 * a time each.
 *
 * A write is a batch of commands. Each operation notes what was finished when it began, and tells
 * what came of it to the checkers and to the history. A client whose replica crashes learns
 * nothing, gives up after a while, and goes on elsewhere.
 */
import type { Prng } from "@atoll/stdx";
import type { ProposalOutcome } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";
import type { RegisterCommand } from "./raft-commands.ts";
import { COMMAND_BYTES, encodeCommand } from "./raft-commands.ts";
import type { RaftGroup } from "./raft-group.ts";
import { RaftHistory } from "./raft-history.ts";

/** A client forgets a request that takes longer. */
const PATIENCE_US = 400_000;
const BATCH_MAX = 4;
export const KEYS = 3;

/** What one client knows. */
interface Client {
  readonly name: string;
  /** The value it saw last, by key; 0 for none. */
  readonly seen: number[];
}

export class RaftClients {
  readonly history: RaftHistory = new RaftHistory();
  readonly #group: RaftGroup;
  readonly #prng: Prng;
  readonly #probe: Client = newClient("probe");
  readonly #pace: number;
  #nextPayload = 1;
  #stopped = false;

  /**
   * @param options how many clients there are, and how many times longer than usual they think: a
   * history that is too long cannot be checked.
   */
  constructor(
    group: RaftGroup,
    prng: Prng,
    { count, pace }: { readonly count: number; readonly pace: number },
  ) {
    this.#group = group;
    this.#prng = prng;
    this.#pace = pace;
    for (let at = 1; at <= count; at += 1) {
      this.#next(newClient(`client${at}`), this.#prng.pick(this.#ids()));
    }
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** A write outside the mix, for scenarios: calls back with the index when it is committed. */
  write(at: ReplicaId, committed: (index: number) => void): void {
    const commands = [this.#command(this.#probe, false)];
    this.#propose(this.#probe, at, commands, 16, (lastIndex) => {
      if (lastIndex > 0) committed(lastIndex);
    });
  }

  /** A read outside the mix: calls back when it was answered with an index. */
  read(at: ReplicaId, key: number, ready: (index: number) => void): void {
    this.#read(this.#probe, at, key, ready);
  }

  /** Thinks for a while, then begins the next operation at `preferred` or anywhere. */
  #next(client: Client, preferred: ReplicaId): void {
    const prng = this.#prng;
    const thinkUs = prng.between(0, prng.chance(1, 10) ? 200_000 : 8_000);
    this.#group.clock.schedule(thinkUs * this.#pace, () => {
      if (this.#stopped) return;
      const at = preferred > 0 && !prng.chance(1, 8) ? preferred : prng.pick(this.#ids());
      if (prng.chance(1, 3)) this.#readNext(client, prng.pick(this.#ids()), at);
      else this.#writeNext(client, at);
    });
  }

  #writeNext(client: Client, at: ReplicaId): void {
    const commands = Array.from({ length: this.#prng.between(1, BATCH_MAX) }, () =>
      this.#command(client, this.#prng.chance(1, 3)),
    );
    const once = this.#once(client);
    const sizeBytes = this.#prng.between(COMMAND_BYTES, 200);
    const asked = this.#propose(client, at, commands, sizeBytes, (_lastIndex, leader) =>
      once(leader),
    );
    if (!asked) once(0);
  }

  #command(client: Client, compares: boolean): RegisterCommand {
    const key = this.#prng.below(KEYS);
    const payload = this.#nextPayload;
    this.#nextPayload += 1;
    return { payload, kind: compares ? "cas" : "write", key, expected: client.seen[key] ?? 0 };
  }

  #propose(
    client: Client,
    at: ReplicaId,
    commands: readonly RegisterCommand[],
    sizeBytes: number,
    done: (lastIndex: number, leader: ReplicaId) => void,
  ): boolean {
    const { floor } = this.#group.checkers.clients;
    const { lives } = this.#group.member(at);
    const data = commands.map((command) => encodeCommand(command, sizeBytes));
    // What is asked of a replica that is down is not asked at all.
    if (this.#group.member(at).replica === undefined) return false;
    const begun = commands.map((command) => this.#begin(client, command));
    return this.#group.use(at, (replica) => {
      replica.propose(data, (outcome) => {
        // A dead process answers nobody.
        if (this.#group.member(at).lives !== lives) return;
        this.#proposed(at, commands, floor, outcome);
        for (const [place, command] of commands.entries()) {
          this.#finish(client, at, command, begun[place] as number, outcome);
        }
        if (outcome.type === "committed") done(outcome.lastIndex, at);
        else done(0, outcome.leader);
      });
    });
  }

  #begin(client: Client, command: RegisterCommand): number {
    const { kind, key, payload, expected } = command;
    const value = String(payload);
    const call =
      kind === "write"
        ? ({ kind, value } as const)
        : ({ kind, value, expected: expected === 0 ? undefined : String(expected) } as const);
    return this.history.begin(client.name, `r${key}`, call);
  }

  /** Tells the checkers. */
  #proposed(
    at: ReplicaId,
    commands: readonly RegisterCommand[],
    floor: number,
    outcome: ProposalOutcome,
  ): void {
    const { checkers, counters } = this.#group;
    const payloads = commands.map(({ payload }) => payload);
    switch (outcome.type) {
      case "committed":
        counters.writesCommitted += 1;
        this.#group.observe(at);
        checkers.clients.committed({ ...outcome, payloads, floor });
        break;
      case "refused":
        if (outcome.reason === "overloaded") counters.writesOverloaded += 1;
        else counters.writesRefused += 1;
        checkers.clients.refused(payloads);
        break;
      case "unknown":
        counters.writesUnknown += 1;
        break;
    }
  }

  /** Tells the history what came of one command. */
  #finish(
    client: Client,
    at: ReplicaId,
    command: RegisterCommand,
    begun: number,
    outcome: ProposalOutcome,
  ): void {
    if (outcome.type === "refused") this.history.drop(begun);
    if (outcome.type !== "committed") return;
    const failed = this.#group.member(at).stateMachine.hasFailed(command.payload);
    if (command.kind === "cas") {
      if (failed) this.#group.counters.swapsFailed += 1;
      else this.#group.counters.swapsWon += 1;
    }
    if (!failed) client.seen[command.key] = command.payload;
    this.history.end(begun, { type: failed ? "failed" : "ok" });
  }

  #readNext(client: Client, at: ReplicaId, preferred: ReplicaId): void {
    const once = this.#once(client);
    const asked = this.#read(client, at, this.#prng.below(KEYS), () => once(preferred));
    if (!asked) once(0);
  }

  #read(client: Client, at: ReplicaId, key: number, over: (index: number) => void): boolean {
    const { checkers, counters } = this.#group;
    const { floor } = checkers.clients;
    const member = this.#group.member(at);
    const { lives } = member;
    if (member.replica === undefined) return false;
    const begun = this.history.begin(client.name, `r${key}`, { kind: "read" });
    return this.#group.use(at, (replica) => {
      replica.readIndex((outcome) => {
        if (member.lives !== lives) return;
        if (outcome.type !== "ready") {
          counters.readsRefused += 1;
          this.history.drop(begun);
          over(0);
          return;
        }
        if (member.leading) counters.readsOnLeader += 1;
        else counters.readsOnFollower += 1;
        checkers.clients.read(member.stateMachine.appliedIndex, floor);
        const value = member.stateMachine.read(key);
        client.seen[key] = value ?? 0;
        const told = value === undefined ? undefined : String(value);
        this.history.end(begun, { type: "read", value: told });
        over(outcome.index);
      });
    });
  }

  /** Goes on once: by the outcome, or when patience ends. */
  #once(client: Client): (preferred: ReplicaId) => void {
    let over = false;
    const go = (preferred: ReplicaId): void => {
      if (over) return;
      over = true;
      if (!this.#stopped) this.#next(client, preferred);
    };
    this.#group.clock.schedule(PATIENCE_US, () => go(0));
    return go;
  }

  #ids(): readonly ReplicaId[] {
    const { members } = this.#group;
    return [...members.keys()].filter((id) => !this.#group.member(id).retired);
  }
}

function newClient(name: string): Client {
  return { name, seen: Array.from({ length: KEYS }, () => 0) };
}
