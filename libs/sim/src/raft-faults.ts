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
import { RaftClockFaults } from "./raft-clock-faults.ts";
import { RaftDiskFaults } from "./raft-disk-faults.ts";
import { FaultScene } from "./raft-fault-scene.ts";
import { drawBadDisk, drawBadNetwork, drawPauseUs } from "./raft-fault-settings.ts";
import { RaftLinkFaults } from "./raft-link-faults.ts";
import { CALM_DISK } from "./simulated-disk.ts";
import { CALM_NETWORK } from "./simulated-network.ts";

export class RaftFaults {
  readonly #group: RaftGroup;
  readonly #prng: Prng;
  readonly #untilUs: number;
  readonly #scene: FaultScene;
  readonly #members: RaftMembershipFaults;
  readonly #links: RaftLinkFaults;
  readonly #clocks: RaftClockFaults;
  readonly #disks: RaftDiskFaults;
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
    readonly stale: number;
    readonly slowLink: number;
    readonly members: number;
  };

  /**
   * @param times how long faults last, and how long one replica is to stand still, in
   * microseconds; 0 for none.
   */
  constructor(
    group: RaftGroup,
    prng: Prng,
    times: { readonly untilUs: number; readonly sleepUs: number },
  ) {
    this.#group = group;
    this.#prng = prng;
    this.#untilUs = times.untilUs;
    this.#scene = new FaultScene(group, prng.child("scene"));
    this.#members = new RaftMembershipFaults(group, prng.child("members"));
    this.#links = new RaftLinkFaults(this.#scene, prng.child("links"));
    this.#clocks = new RaftClockFaults(this.#scene, prng.child("clocks"));
    this.#disks = new RaftDiskFaults(this.#scene, prng.child("disks"), this.#members);
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
      stale: prng.chance(1, 2) ? prng.below(1_000) : 0,
      slowLink: prng.below(400),
      members: prng.chance(1, 2) ? prng.below(1_000) : 0,
    };
    this.#period();
    if (times.sleepUs > 0) this.#sleep(prng.below(times.untilUs - times.sleepUs), times.sleepUs);
  }

  /** Repairs everything. Gives those that stay dead: less than half, mostly nobody. */
  heal(): ReadonlySet<ReplicaId> {
    this.#scene.end();
    const group = this.#group;
    group.network.settings = CALM_NETWORK;
    group.network.healAll();
    countFaults(group);
    this.#clocks.setRight();
    const dead = new Set<ReplicaId>();
    // A group that is not founded yet begins once all of its voters were there.
    const mayDie = group.checkers.committedIndex > 0 ? this.#disks.mayLose() : 0;
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
    if (this.#scene.isOver) return;
    const prng = this.#prng;
    const group = this.#group;
    const lengthUs = prng.between(200_000, 1_500_000);
    // A run that is long for one that sleeps is no more eventful than others.
    const calm = prng.chance(this.#scene.asleep.size > 0 ? 3 : 1, 4);
    const wants = (appetite: number): boolean => !calm && prng.chance(appetite, 1000);
    group.network.healAll();
    group.network.settings = wants(this.#appetite.network) ? drawBadNetwork(prng) : CALM_NETWORK;
    for (const member of group.members.values()) {
      if (member.store.disk.isStuck) group.counters.syncsStuck += 1;
      member.store.diskSettings = wants(this.#appetite.disk) ? drawBadDisk(prng) : CALM_DISK;
    }
    if (wants(this.#appetite.clock)) this.#clocks.strike(lengthUs);
    else this.#clocks.steady();
    if (wants(this.#appetite.members)) {
      for (let each = prng.between(1, 12); each > 0; each -= 1) {
        this.#scene.later(prng.below(lengthUs), () => this.#members.strike());
      }
    }
    if (wants(this.#appetite.loss)) this.#disks.loseSome(lengthUs);
    if (wants(this.#appetite.stale)) this.#disks.bringBackSome(lengthUs);
    if (wants(this.#appetite.clog)) this.#links.swizzle(lengthUs);
    if (wants(this.#appetite.partition)) this.#links.partition();
    if (wants(this.#appetite.slowLink)) this.#links.slowLink();
    if (wants(this.#appetite.crash)) this.#crashes(lengthUs);
    if (wants(this.#appetite.crash >> 2))
      this.#restartLoop(this.#scene.victim(), prng.between(3, 8));
    if (wants(this.#appetite.pause)) this.#pauses(lengthUs);
    if (wants(this.#appetite.churn)) this.#shortReigns(group.clock.nowUs + lengthUs);
    if (prng.chance(1, 4)) this.#nuisances(lengthUs);
    this.#disks.restartFailed();
    if (group.clock.nowUs + lengthUs < this.#untilUs)
      this.#scene.later(lengthUs, () => this.#period());
  }

  #crashes(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    if (prng.chance(1, 6) && this.#scene.asleep.size === 0) {
      group.losePower();
      for (const id of this.#scene.ids) this.#startLater(id);
      return;
    }
    for (let each = prng.between(1, 3); each > 0; each -= 1) {
      this.#scene.later(prng.below(lengthUs), () => {
        const id = this.#scene.victim();
        group.crash(id, prng.chance(3, 4));
        this.#startLater(id);
      });
    }
  }

  #startLater(id: ReplicaId): void {
    this.#scene.later(this.#prng.between(1_000, 600_000), () => this.#group.start(id));
  }

  /** A process that ends soon after each start. */
  #restartLoop(id: ReplicaId, times: number): void {
    const prng = this.#prng;
    const group = this.#group;
    group.counters.restartLoops += 1;
    let atUs = 0;
    for (let time = 0; time < times; time += 1) {
      atUs += prng.between(500, 60_000);
      this.#scene.later(atUs, () => group.crash(id, prng.chance(1, 2)));
      atUs += prng.between(500, 20_000);
      this.#scene.later(atUs, () => group.start(id));
    }
  }

  #pauses(lengthUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    for (let each = prng.between(1, 2); each > 0; each -= 1) {
      const id = this.#scene.victim();
      this.#scene.later(prng.below(lengthUs), () => {
        group.pause(id);
        const notices = prng.chance(1, 2);
        this.#scene.later(drawPauseUs(prng), () => {
          if (!this.#scene.asleep.has(id)) group.resume(id, notices);
        });
      });
    }
  }

  /** Somebody stands still for long, while everything else goes on. */
  #sleep(delayUs: number, forUs: number): void {
    const group = this.#group;
    this.#scene.later(delayUs, () => {
      const id = this.#scene.victim();
      group.start(id);
      group.pause(id);
      this.#scene.asleep.add(id);
      this.#scene.later(forUs, () => {
        this.#scene.asleep.delete(id);
        group.resume(id, this.#prng.chance(1, 2));
      });
    });
  }

  /**
   * Whoever leads is soon crashed, cut off or stopped, so that logs drift apart (Raft figures 7 and
   * 8).
   */
  #shortReigns(untilUs: number): void {
    const prng = this.#prng;
    const group = this.#group;
    if (group.clock.nowUs >= untilUs) return;
    this.#scene.later(prng.between(1_000, 60_000), () => {
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
        this.#scene.later(forUs, () => group.start(leader));
        break;
      case 1:
        group.pause(leader);
        this.#scene.later(forUs, () => group.resume(leader, prng.chance(1, 2)));
        break;
      case 2:
        // One follower still hears it.
        this.#links.cutOff(leader, prng.pick(this.#scene.ids), forUs);
        break;
      default:
        this.#links.cutOff(leader, leader, forUs);
        break;
    }
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
      const at = prng.pick(this.#scene.ids);
      const peer = prng.pick(this.#scene.ids);
      const kind = prng.below(6);
      this.#scene.later(prng.below(lengthUs), () => {
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
}

/** Adds up what the network and the disks met. */
function countFaults({ counters, network, members }: RaftGroup): void {
  counters.replays += network.counters.replayed;
  counters.clogs += network.counters.clogged;
  counters.messagesLost += network.counters.lost;
  counters.messagesDuplicated += network.counters.duplicated;
  counters.messagesReordered += network.counters.reordered;
  for (const { store } of members.values()) counters.syncsSlow += store.disk.slowSyncs;
}
