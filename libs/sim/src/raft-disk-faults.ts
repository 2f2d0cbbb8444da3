/**
 * What goes wrong with the disks of a simulated Raft group beyond their settings: folders that are
 * damaged, wiped, or replaced by an older copy of themselves.
 *
 * Only so many at a time that a majority of voters is whole, and not while members change. An older
 * copy is brought back only where what it forgot is no promise that others rely on: its term and
 * vote are those of today, and every majority has somebody else with the entries. What is more than
 * that no replica can find out by itself (docs/adr/0010).
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type { FaultScene } from "./raft-fault-scene.ts";
import type { LogImage } from "./raft-log-store.ts";
import type { RaftMembershipFaults } from "./raft-membership-faults.ts";

export class RaftDiskFaults {
  readonly #scene: FaultScene;
  readonly #prng: Prng;
  readonly #members: RaftMembershipFaults;

  constructor(scene: FaultScene, prng: Prng, members: RaftMembershipFaults) {
    this.#scene = scene;
    this.#prng = prng;
    this.#members = members;
  }

  /** Some are damaged or wiped within the period. */
  loseSome(lengthUs: number): void {
    const prng = this.#prng;
    for (let each = prng.between(1, 3); each > 0; each -= 1) {
      this.#scene.later(prng.below(lengthUs), () => this.#lose(this.#scene.victim()));
    }
  }

  /** Some are copied, and a while later replaced by the copy. */
  bringBackSome(lengthUs: number): void {
    const prng = this.#prng;
    for (let each = prng.between(2, 8); each > 0; each -= 1) {
      this.#scene.later(prng.below(lengthUs), () => {
        const id = this.#scene.victim();
        const earlier = this.#scene.group.member(id).store.durable.copy();
        this.#scene.later(prng.between(10_000, 400_000), () => this.#bringBack(id, earlier));
      });
    }
  }

  /** A process whose disk failed or, sometimes, hangs is ended and started again. */
  restartFailed(): void {
    const { group } = this.#scene;
    for (const [id, member] of group.members) {
      const isAsleep = this.#scene.asleep.has(id);
      const hangs = member.store.disk.isStuck && !isAsleep && this.#prng.chance(1, 3);
      if (!member.failed && !hangs) continue;
      group.crash(id, true);
      this.#scene.later(this.#prng.between(1_000, 300_000), () => group.start(id));
    }
  }

  /** So many more voters may be lost for ever before no majority is whole. */
  mayLose(): number {
    const { group } = this.#scene;
    if (this.#members.isChanging()) return 0;
    const { voters } = group.checkers.membership;
    const notWhole = voters.filter((id) => !group.isWhole(id)).length;
    return Math.floor((voters.length - 1) / 2) - notWhole;
  }

  #lose(id: ReplicaId): void {
    const prng = this.#prng;
    const { group } = this.#scene;
    const { checkers } = group;
    // Twice in a row is as good as once.
    if (this.mayLose() < 1 && group.isWhole(id)) return;
    if (!checkers.membership.voters.includes(id)) return;
    // A founder that was alone has nobody to ask whether its group exists, nor, before the first
    // commit, to found it with again.
    const asksNobody = (checkers.memberships()[0]?.voters.length ?? 0) < 2;
    if (checkers.committedIndex === 0 ? asksNobody : !this.#hasWitness(id)) return;
    group.loseDisk(id, asksNobody || prng.chance(1, 2) ? "recovering" : "blank");
    this.#scene.later(prng.between(1_000, 300_000), () => group.start(id));
  }

  /**
   * Whether those that `id` was founded with can tell it that their group exists: one of them is
   * whole, a voter still, and has been in a term. Who is wiped and asks only others that know of
   * nothing takes the group for a new one.
   */
  #hasWitness(id: ReplicaId): boolean {
    const { group } = this.#scene;
    const founders = group.checkers.memberships()[0]?.voters ?? [];
    const others = founders.filter((each) => each !== id);
    if (!founders.includes(id) || others.length === 0) return true;
    return others.some((each) => {
      const { term } = group.member(each).store.durable.hardState;
      const isVoter = group.checkers.membership.voters.includes(each);
      return isVoter && group.isWhole(each) && term > 0;
    });
  }

  /** The machine is off while its folder is replaced; others go on meanwhile. */
  #bringBack(id: ReplicaId, earlier: LogImage): void {
    const { group } = this.#scene;
    if (group.member(id).replica === undefined) return;
    group.crash(id, this.#prng.chance(1, 2));
    this.#scene.later(this.#prng.between(1_000, 100_000), () => {
      const isDown = group.member(id).replica === undefined;
      if (isDown && this.#mayGoBack(id, earlier)) group.bringBack(id, earlier);
      group.start(id);
    });
  }

  #mayGoBack(id: ReplicaId, earlier: LogImage): boolean {
    const { group } = this.#scene;
    const { checkers } = group;
    const { durable } = group.member(id).store;
    const { term, vote } = durable.hardState;
    const { hardState, metadata, standing, lastIndex } = earlier;
    if (this.mayLose() < 1 || !checkers.membership.voters.includes(id)) return false;
    if (!group.isWhole(id) || standing !== durable.standing) return false;
    if (term === 0 || hardState.term !== term || hardState.vote !== vote) return false;
    // It must know of the members of today, and so must all: by others, others are a majority.
    const knows = ({ hardState, metadata }: Pick<LogImage, "hardState" | "metadata">): boolean =>
      Math.max(hardState.commit, metadata.index) >= checkers.membershipIndex;
    if (!knows({ hardState, metadata })) return false;
    if (![...group.members.values()].every(({ store }) => knows(store.durable))) return false;
    // It is what today's log began with, and lacks something.
    if (lastIndex >= durable.lastIndex) return false;
    const today = durable.termAt(lastIndex) ?? checkers.committedTermAt(lastIndex);
    if (lastIndex > 0 && earlier.termAt(lastIndex) !== today) return false;
    return checkers.canSpare(id, durable.lastIndex, durable.termAt(durable.lastIndex) as number);
  }
}
