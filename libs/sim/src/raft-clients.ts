/**
 * Clients of a simulated Raft group: they write unique payloads and read, one thing at a time each.
 *
 * Each operation notes what was finished when it began and tells the checkers what came of it. A
 * client whose replica crashes learns nothing, gives up after a while, and goes on elsewhere.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import { payloadBytes } from "./raft-checkers.ts";
import type { RaftGroup } from "./raft-group.ts";

/** A client forgets an operation that takes longer. */
const PATIENCE_US = 400_000;
const BATCH_MAX = 4;

export class RaftClients {
  readonly #group: RaftGroup;
  readonly #prng: Prng;
  readonly #ids: readonly ReplicaId[];
  #nextPayload = 1;
  #stopped = false;

  constructor(group: RaftGroup, prng: Prng, count: number) {
    this.#group = group;
    this.#prng = prng;
    this.#ids = [...group.members.keys()];
    for (let client = 0; client < count; client += 1) this.#next(this.#prng.pick(this.#ids));
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** A write outside the mix, for scenarios: calls back with the index when it is committed. */
  write(at: ReplicaId, committed: (index: number) => void): void {
    const payloads = [this.#takePayload()];
    this.#propose(at, payloads, 16, (lastIndex) => {
      if (lastIndex > 0) committed(lastIndex);
    });
  }

  /** Thinks for a while, then begins the next operation at `preferred` or anywhere. */
  #next(preferred: ReplicaId): void {
    const thinkUs = this.#prng.between(0, this.#prng.chance(1, 10) ? 200_000 : 8_000);
    this.#group.clock.schedule(thinkUs, () => {
      if (this.#stopped) return;
      const at = preferred > 0 && !this.#prng.chance(1, 8) ? preferred : this.#prng.pick(this.#ids);
      if (this.#prng.chance(1, 3)) this.#read(this.#prng.pick(this.#ids), at);
      else this.#writeBatch(at);
    });
  }

  #writeBatch(at: ReplicaId): void {
    const payloads = Array.from({ length: this.#prng.between(1, BATCH_MAX) }, () =>
      this.#takePayload(),
    );
    const once = this.#once();
    let next = 0;
    const asked = this.#propose(at, payloads, this.#prng.between(4, 200), (_lastIndex, leader) => {
      next = leader;
      once(next);
    });
    if (!asked) once(0);
  }

  #propose(
    at: ReplicaId,
    payloads: readonly number[],
    sizeBytes: number,
    done: (lastIndex: number, leader: ReplicaId) => void,
  ): boolean {
    const { checkers, counters, members } = this.#group;
    const floor = checkers.floor;
    const life = this.#group.member(at).lives;
    const data = payloads.map((payload) => payloadBytes(payload, sizeBytes));
    return this.#group.use(at, (replica) => {
      replica.propose(data, (outcome) => {
        // A dead process answers nobody.
        if (this.#group.member(at).lives !== life) return;
        switch (outcome.type) {
          case "committed": {
            counters.writesCommitted += 1;
            const { firstIndex, lastIndex, term } = outcome;
            const voters = [...members.keys()];
            checkers.committed({ firstIndex, lastIndex, term, payloads, floor, voters });
            done(lastIndex, at);
            break;
          }
          case "refused":
            if (outcome.reason === "overloaded") counters.writesOverloaded += 1;
            else counters.writesRefused += 1;
            checkers.refused(payloads);
            done(0, outcome.leader);
            break;
          case "unknown":
            counters.writesUnknown += 1;
            done(0, outcome.leader);
            break;
        }
      });
    });
  }

  #read(at: ReplicaId, preferred: ReplicaId): void {
    const { checkers, counters } = this.#group;
    const floor = checkers.floor;
    const member = this.#group.member(at);
    const life = member.lives;
    const once = this.#once();
    const asked = this.#group.use(at, (replica) => {
      replica.readIndex((outcome) => {
        if (member.lives !== life) return;
        if (outcome.type === "ready") {
          if (member.leading) counters.readsOnLeader += 1;
          else counters.readsOnFollower += 1;
          checkers.read(member.stateMachine.appliedIndex, floor);
        } else {
          counters.readsRefused += 1;
        }
        once(preferred);
      });
    });
    if (!asked) once(0);
  }

  /** Goes on once: by the outcome, or when patience ends. */
  #once(): (preferred: ReplicaId) => void {
    let over = false;
    const go = (preferred: ReplicaId): void => {
      if (over) return;
      over = true;
      if (!this.#stopped) this.#next(preferred);
    };
    this.#group.clock.schedule(PATIENCE_US, () => go(0));
    return go;
  }

  #takePayload(): number {
    const payload = this.#nextPayload;
    this.#nextPayload += 1;
    return payload;
  }
}
