/**
 * What goes wrong in a simulated Raft group, and when.
 *
 * Time is cut into periods, each with a mood of its own: calm, lossy, partitioned, crashing,
 * stalling; a quarter has no faults at all, since some bugs need peace after trouble. Everything
 * may be down at once. `heal` ends all of it but for a minority that may stay dead for ever.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type { RaftGroup } from "./raft-group.ts";
import { RaftMembershipFaults } from "./raft-membership-faults.ts";
import { drawBadDisk, drawBadNetwork, drawClock } from "./raft-fault-settings.ts";
import { CALM_DISK } from "./simulated-disk.ts";
import { CALM_NETWORK } from "./simulated-network.ts";

export class RaftFaults {
  readonly #group: RaftGroup;
  readonly #prng: Prng;
  readonly #untilUs: number;
  readonly #members: RaftMembershipFaults;
  /**
   * Chances per thousand that a period has each kind of trouble; drawn once, so runs differ in
   * mood.
   */
  readonly #appetite: {
    readonly network: number;
    readonly partition: number;
    readonly crash: number;
    readonly pause: number;
    readonly disk: number;
    readonly churn: number;
    readonly clock: number;
    readonly clog: number;
    readonly loss: number;
    readonly members: number;
  };
  #over = false;

  constructor(group: RaftGroup, prng: Prng, untilUs: number) {
    this.#group = group;
    this.#prng = prng;
    this.#untilUs = untilUs;
    this.#members = new RaftMembershipFaults(group, prng.child("members"));
    this.#appetite = {
      network: prng.below(900),
      partition: prng.below(700),
      crash: prng.below(900),
      pause: prng.below(500),
      disk: prng.below(700),
      churn: prng.below(700),
      clock: prng.below(500),
      clog: prng.below(500),
      loss: prng.below(400),
      members: prng.chance(1, 2) ? prng.below(1_000) : 0,
    };
    this.#period();
  }

  /** Repairs everything. Gives those that stay dead: less than half, mostly nobody. */
  heal(): ReadonlySet<ReplicaId> {
    this.#over = true;
    const group = this.#group;
    group.network.settings = CALM_NETWORK;
    group.network.healAll();
    group.counters.replays += group.network.counters.replayed;
    group.counters.clogs += group.network.counters.clogged;
    const dead = new Set<ReplicaId>();
    const mayDie = this.#mayLose();
    if (mayDie > 0 && this.#prng.chance(1, 3)) {
      const { voters } = group.checkers.membership;
      for (const id of this.#prng.shuffle(voters).slice(0, this.#prng.between(1, mayDie))) {
        dead.add(id);
      }
      group.counters.minorityLeftDead += 1;
    }
    for (const [id, member] of group.members) {
      if (member.store.disk.isStuck) group.counters.syncsStuck += 1;
      member.store.diskSettings = CALM_DISK;
      member.clockPerMille = 1000;
      if (dead.has(id)) {
        group.crash(id, true);
        continue;
      }
      group.resume(id, this.#prng.chance(1, 2));
      if (member.failed) group.crash(id, true);
      group.start(id);
    }
    return dead;
  }

  #period(): void {
    if (this.#over) return;
    const prng = this.#prng;
    const group = this.#group;
    const lengthUs = prng.between(200_000, 1_500_000);
    const calm = prng.chance(1, 4);
    const wants = (appetite: number): boolean => !calm && prng.chance(appetite, 1000);
    group.network.healAll();
    group.network.settings = wants(this.#appetite.network) ? drawBadNetwork(prng) : CALM_NETWORK;
    for (const member of group.members.values()) {
      if (member.store.disk.isStuck) group.counters.syncsStuck += 1;
      member.store.diskSettings = wants(this.#appetite.disk) ? drawBadDisk(prng) : CALM_DISK;
    }
    if (wants(this.#appetite.clock)) this.#badClocks(lengthUs);
    else for (const member of group.members.values()) member.clockPerMille = 1000;
    if (wants(this.#appetite.members)) {
      for (let each = prng.between(1, 12); each > 0; each -= 1) {
        this.#later(prng.below(lengthUs), () => this.#members.strike());
      }
    }
    if (wants(this.#appetite.loss)) this.#loseDisks(lengthUs);
    if (wants(this.#appetite.clog)) this.#swizzle(lengthUs);
    if (wants(this.#appetite.partition)) this.#partition();
    if (wants(this.#appetite.crash)) this.#crashes(lengthUs);
    if (wants(this.#appetite.crash >> 2)) this.#restartLoop(this.#victim(), prng.between(3, 8));
    if (wants(this.#appetite.pause)) this.#pauses(lengthUs);
    if (wants(this.#appetite.churn)) this.#shortReigns(group.clock.nowUs + lengthUs);
    if (prng.chance(1, 4)) this.#nuisances(lengthUs);
    this.#restartFailed();
    if (group.clock.nowUs + lengthUs < this.#untilUs) this.#later(lengthUs, () => this.#period());
  }

  /** Cuts links: one member off, two halves, one direction, one side of a triangle, at random. */
  #partition(): void {
    const prng = this.#prng;
    const { network, counters } = this.#group;
    counters.partitions += 1;
    const shuffled = prng.shuffle(this.#ids);
    const target = this.#group.leader()?.id ?? (shuffled[0] as ReplicaId);
    const kind = prng.below(5);
    const left = new Set(
      kind === 0 ? [target] : shuffled.slice(0, prng.below(shuffled.length + 1)),
    );
    for (const from of this.#ids) {
      for (const to of this.#ids) {
        if (from === to) continue;
        const crosses = left.has(from) !== left.has(to);
        if (kind <= 1 && crosses) network.cut(from, to);
        if (kind === 2 && crosses && left.has(from)) {
          network.cut(from, to);
          counters.oneWayCuts += 1;
        }
        if (kind === 3 && prng.chance(1, 3)) network.cut(from, to);
      }
    }
    if (kind !== 4) return;
    // One link of a triangle: the rest still hears both ends.
    const other = prng.pick(this.#ids);
    network.cut(target, other);
    network.cut(other, target);
  }

  /** Clocks run fast, slow, and by leaps. */
  #badClocks(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    for (const [id, member] of group.members) {
      if (prng.chance(1, 2)) {
        member.clockPerMille = drawClock(prng);
        group.counters.clocksSkewed += 1;
      }
      if (!prng.chance(1, 3)) continue;
      this.#later(prng.below(lengthUs), () => group.jumpClock(id, prng.between(2, 200)));
    }
  }

  /** Clogs links one by one, then frees them in another order. */
  #swizzle(lengthUs: number): void {
    const prng = this.#prng;
    const { network } = this.#group;
    const ids = this.#ids;
    const links = ids.flatMap((from) => ids.map((to) => ({ from, to })));
    const some = prng.shuffle(links).slice(0, prng.between(1, links.length));
    const half = lengthUs >> 1;
    for (const { from, to } of some) {
      if (from === to) continue;
      this.#later(prng.below(half), () => network.clog(from, to));
      this.#later(half + prng.below(half), () => network.unclog(from, to));
    }
  }

  #crashes(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    const all = prng.chance(1, 6);
    const count = all ? this.#ids.length : prng.between(1, 3);
    for (let each = 0; each < count; each += 1) {
      const id = all ? (this.#ids[each] as ReplicaId) : this.#victim();
      this.#later(all ? 0 : prng.below(lengthUs), () => {
        group.crash(id, prng.chance(3, 4));
        this.#later(prng.between(1_000, 600_000), () => group.start(id));
      });
    }
  }

  /** Disks are damaged or wiped, of so few at a time that a majority is whole. */
  #loseDisks(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    for (let each = prng.between(1, 3); each > 0; each -= 1) {
      this.#later(prng.below(lengthUs), () => {
        const id = this.#victim();
        // One that is damaged while the group is founded waits for a human, and all wait for it.
        if (group.checkers.committedIndex === 0) return;
        // Twice in a row is as good as once.
        if (this.#mayLose() < 1 && group.isWhole(id)) return;
        if (!group.checkers.membership.voters.includes(id)) return;
        if (!this.#hasWitness(id)) return;
        // A blank founder that was alone has nobody to ask whether its group exists.
        const asksNobody = (group.checkers.memberships()[0]?.voters.length ?? 0) < 2;
        group.loseDisk(id, asksNobody || prng.chance(1, 2) ? "recovering" : "blank");
        this.#later(prng.between(1_000, 300_000), () => group.start(id));
      });
    }
  }

  /**
   * Whether those that `id` was founded with can tell it that their group exists: one of them is
   * whole, a voter still, and has been in a term. Who is wiped and asks only others that know of
   * nothing takes the group for a new one.
   */
  #hasWitness(id: ReplicaId): boolean {
    const group = this.#group;
    const founders = group.checkers.memberships()[0]?.voters ?? [];
    const others = founders.filter((each) => each !== id);
    if (!founders.includes(id) || others.length === 0) return true;
    return others.some((each) => {
      const { term } = group.member(each).store.durable.hardState;
      const isVoter = group.checkers.membership.voters.includes(each);
      return isVoter && group.isWhole(each) && term > 0;
    });
  }

  /** So many more voters may be lost for ever before no majority is whole. */
  #mayLose(): number {
    const group = this.#group;
    if (this.#members.isChanging()) return 0;
    const { voters } = group.checkers.membership;
    const notWhole = voters.filter((id) => !group.isWhole(id)).length;
    return Math.floor((voters.length - 1) / 2) - notWhole;
  }

  /** A process that ends soon after each start. */
  #restartLoop(id: ReplicaId, times: number): void {
    const prng = this.#prng;
    const group = this.#group;
    group.counters.restartLoops += 1;
    let atUs = 0;
    for (let time = 0; time < times; time += 1) {
      atUs += prng.between(500, 60_000);
      this.#later(atUs, () => group.crash(id, prng.chance(1, 2)));
      atUs += prng.between(500, 20_000);
      this.#later(atUs, () => group.start(id));
    }
  }

  #pauses(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    for (let each = prng.between(1, 2); each > 0; each -= 1) {
      const id = this.#victim();
      this.#later(prng.below(lengthUs), () => {
        group.pause(id);
        const notices = prng.chance(1, 2);
        this.#later(prng.between(5_000, 900_000), () => group.resume(id, notices));
      });
    }
  }

  /**
   * Whoever leads is soon crashed, cut off or stopped, so that logs drift apart (Raft figures 7 and
   * 8).
   */
  #shortReigns(untilUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    if (group.clock.nowUs >= untilUs) return;
    this.#later(prng.between(1_000, 60_000), () => {
      const leader = this.#leading();
      if (leader !== undefined) this.#endReign(leader);
      this.#shortReigns(untilUs);
    });
  }

  #endReign(leader: ReplicaId): void {
    const prng = this.#prng;
    const group = this.#group;
    const forUs = prng.between(1_000, 500_000);
    group.counters.reignsEnded += 1;
    switch (prng.below(4)) {
      case 0:
        group.crash(leader, prng.chance(1, 2));
        this.#later(forUs, () => group.start(leader));
        break;
      case 1:
        group.pause(leader);
        this.#later(forUs, () => group.resume(leader, prng.chance(1, 2)));
        break;
      case 2:
        // One follower still hears it.
        this.#cutOff(leader, prng.pick(this.#ids), forUs);
        break;
      default:
        this.#cutOff(leader, leader, forUs);
        break;
    }
  }

  #cutOff(id: ReplicaId, butFor: ReplicaId, forUs: number): void {
    const { network } = this.#group;
    for (const other of this.#ids) {
      if (other === id || other === butFor) continue;
      network.cut(id, other);
      network.cut(other, id);
    }
    this.#later(forUs, () => {
      for (const other of this.#ids) {
        network.heal(id, other);
        network.heal(other, id);
      }
    });
  }

  /** Any replica that takes itself for a leader, and runs. */
  #leading(): ReplicaId | undefined {
    for (const [id, member] of this.#group.members) {
      if (member.heldMessages !== undefined) continue;
      if (member.replica?.status().role === "leader") return id;
    }
    return undefined;
  }

  /** Small things that must not matter: broken connections, what operators ask of a replica. */
  #nuisances(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    for (let each = prng.between(1, 4); each > 0; each -= 1) {
      const at = prng.pick(this.#ids);
      const peer = prng.pick(this.#ids);
      const kind = prng.below(6);
      this.#later(prng.below(lengthUs), () => {
        if (kind === 0) {
          group.use(group.leader()?.id ?? at, (replica) => {
            replica.handOver(({ type }) => {
              if (type === "handedOver") group.counters.handedOver += 1;
            });
          });
        } else if (kind === 1) {
          group.use(at, (replica) => {
            replica.snapshotNow(({ type }) => {
              if (type === "saved") group.counters.snapshotsAsked += 1;
            });
          });
        } else if (kind <= 3) {
          group.counters.transfersAsked += 1;
          const leader = group.leader()?.id ?? at;
          group.use(leader, (replica) => replica.transferLeadership(peer));
        } else if (at !== peer) {
          group.counters.connectionResets += 1;
          group.network.reset(at, peer);
          group.network.reset(peer, at);
          group.loseConnection(at, peer);
          group.loseConnection(peer, at);
        }
      });
    }
  }

  /**
   * A process whose disk failed ends, and is started again by whoever watches it; sometimes one
   * whose disk hangs, too.
   */
  #restartFailed(): void {
    for (const [id, member] of this.#group.members) {
      const hangs = member.store.disk.isStuck && this.#prng.chance(1, 3);
      if (!member.failed && !hangs) continue;
      this.#group.crash(id, true);
      this.#later(this.#prng.between(1_000, 300_000), () => this.#group.start(id));
    }
  }

  /** Every machine that is not switched off for ever. */
  get #ids(): readonly ReplicaId[] {
    const { members } = this.#group;
    return [...members.keys()].filter((id) => !this.#group.member(id).retired);
  }

  #victim(): ReplicaId {
    const leader = this.#group.leader()?.id;
    return leader !== undefined && this.#prng.chance(1, 2) ? leader : this.#prng.pick(this.#ids);
  }

  /** Trouble that was planned does not outlast the healing; restarts are repeated by it. */
  #later(delayUs: number, run: () => void): void {
    this.#group.clock.schedule(delayUs, () => {
      if (!this.#over) run();
    });
  }
}
