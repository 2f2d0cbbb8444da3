/**
 * The promises of Raft (figure 3), looked up in all logs of a group after every step.
 *
 * Slow and obvious: it keeps what was ever seen and compares everything with it, and knows nothing
 * of how the core works. For groups whose members never change. Used by random-group.test.ts.
 */
import { assert } from "@atoll/stdx";
import type { Entry, ReplicaId } from "../entry.ts";
import type { ManualGroup } from "./manual-group.ts";

/** An entry that some replica took for committed. */
interface Chosen {
  readonly entryTerm: number;
  /** The term of the replica that said so first: all later leaders must have it. */
  readonly inTerm: number;
}

export class SlowModel {
  readonly #group: ManualGroup;
  readonly #ids: readonly ReplicaId[];
  /** By index; nothing in it ever changes. */
  readonly chosen: Map<number, Chosen> = new Map();
  readonly #leaders = new Map<number, ReplicaId>();
  readonly #votes = new Map<string, ReplicaId>();
  /** What was applied anywhere, in any life, by index. */
  readonly #applied = new Map<number, string>();
  readonly #commits = new Map<ReplicaId, number>();
  readonly #reads = new Map<string, number>();

  constructor(group: ManualGroup, ids: readonly ReplicaId[]) {
    this.#group = group;
    this.#ids = ids;
  }

  /** How many terms had a leader. */
  get elections(): number {
    return this.#leaders.size;
  }

  /** A read begins: it must see all that is committed by now. */
  reads(id: ReplicaId, read: number): void {
    this.#reads.set(`${id}/${read}`, Math.max(0, ...this.chosen.keys()));
  }

  /** What `id` knew to be committed and had not written may be forgotten. */
  restarts(id: ReplicaId): void {
    this.#commits.delete(id);
  }

  /** Throws Bug at the first promise that is broken. */
  check(): void {
    for (const id of this.#ids) this.#checkVote(id);
    this.#checkLogMatching();
    for (const id of this.#ids) this.#checkCommit(id);
    for (const id of this.#ids) this.#checkLeader(id);
    for (const id of this.#ids) this.#checkApplied(id);
    for (const id of this.#ids) this.#checkReads(id);
  }

  /** One vote in a term, whatever was forgotten by crashes. */
  #checkVote(id: ReplicaId): void {
    const { term, vote } = this.#group.core(id).view();
    if (vote === 0 || !this.#isDurable(id, term, vote)) return;
    const before = this.#votes.get(`${id}/${term}`) ?? vote;
    assert(vote === before, `${id} votes for ${before} and ${vote} in term ${term}`);
    this.#votes.set(`${id}/${term}`, vote);
  }

  #isDurable(id: ReplicaId, term: number, vote: ReplicaId): boolean {
    const hardState = this.#group.hardState(id);
    return hardState.term === term && hardState.vote === vote;
  }

  /** Entries of one index and term are one entry, and so are all before them. */
  #checkLogMatching(): void {
    for (const left of this.#ids) {
      for (const right of this.#ids) {
        if (left >= right) continue;
        const others = new Map(this.#group.durable(right).map((entry) => [entry.index, entry]));
        let agrees = false;
        for (const entry of this.#group.durable(left).toReversed()) {
          const other = others.get(entry.index);
          if (other === undefined) continue;
          const same = textOf(entry) === textOf(other);
          assert(same || !agrees, `logs of ${left} and ${right} differ at ${entry.index}`);
          assert(same || entry.term !== other.term, `two entries ${entry.index}/${entry.term}`);
          agrees ||= same;
        }
      }
    }
  }

  /** What is committed is on a majority of disks, is the same everywhere, and stays. */
  #checkCommit(id: ReplicaId): void {
    const core = this.#group.core(id);
    const { committedIndex } = core;
    const before = this.#commits.get(id) ?? 0;
    assert(committedIndex >= before, `commit of ${id} fell from ${before} to ${committedIndex}`);
    this.#commits.set(id, committedIndex);
    for (let index = before + 1; index <= committedIndex; index += 1) {
      const entryTerm = this.#termOf(id, index);
      // It is in a snapshot, which was taken of what was committed.
      if (entryTerm === undefined) continue;
      const known = this.chosen.get(index);
      if (known === undefined) {
        const holders = this.#ids.filter((one) => this.#holds(one, index, entryTerm));
        assert(holders.length * 2 > this.#ids.length, `${index}/${entryTerm} is on ${holders}`);
        this.chosen.set(index, { entryTerm, inTerm: core.view().term });
      } else {
        const words = `${id} takes ${index}/${entryTerm} for committed, not ${known.entryTerm}`;
        assert(known.entryTerm === entryTerm, words);
      }
    }
  }

  /** As it is in memory, else on the disk; undefined when a snapshot has taken its place. */
  #termOf(id: ReplicaId, index: number): number | undefined {
    const core = this.#group.core(id);
    const inMemory = core.termAt(index);
    if (inMemory !== undefined || index <= core.view().snapshotIndex) return inMemory;
    return this.#group.durable(id).find((each) => each.index === index)?.term;
  }

  /** On its disk, as an entry or in a snapshot. */
  #holds(id: ReplicaId, index: number, term: number): boolean {
    if (this.#group.snapshotIndex(id) >= index) return true;
    return this.#group.durable(id).some((each) => each.index === index && each.term === term);
  }

  /** One leader in a term, and it has all that was committed in earlier ones. */
  #checkLeader(id: ReplicaId): void {
    const core = this.#group.core(id);
    const { role, term, lastIndex } = core.view();
    if (role !== "leader") return;
    const leader = this.#leaders.get(term) ?? id;
    assert(leader === id, `${leader} and ${id} lead in term ${term}`);
    this.#leaders.set(term, id);
    for (const [index, { entryTerm, inTerm }] of this.chosen) {
      if (inTerm >= term) continue;
      const own = this.#termOf(id, index) ?? entryTerm;
      const has = index <= lastIndex && own === entryTerm;
      assert(has, `leader ${id} of term ${term} lacks ${index}/${entryTerm}`);
    }
  }

  /** Nobody applies another entry at an index, and only what is committed. */
  #checkApplied(id: ReplicaId): void {
    for (const entry of this.#group.applied(id)) {
      const text = textOf(entry);
      const before = this.#applied.get(entry.index) ?? text;
      assert(before === text, `${id} applied ${text} where another applied ${before}`);
      this.#applied.set(entry.index, text);
      const chosen = this.chosen.get(entry.index)?.entryTerm;
      assert(chosen === entry.term, `${id} applied ${text}, which is not committed`);
    }
  }

  /** A read never goes behind what was committed when it was asked. */
  #checkReads(id: ReplicaId): void {
    for (const answer of this.#group.answers(id)) {
      if (answer.type !== "readReady") continue;
      const needed = this.#reads.get(`${id}/${answer.read}`) ?? 0;
      const words = `read ${answer.read} at ${id} is ready at ${answer.index}, not ${needed}`;
      assert(answer.index >= needed, words);
    }
  }
}

function textOf({ index, term, type, data }: Entry): string {
  return `${index}/${term} ${type} ${data.join(",")}`;
}
