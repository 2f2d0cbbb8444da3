/**
 * What goes wrong with the links of a simulated Raft group: cuts, clogs, and single slow ones.
 *
 * How bad all links are together is a matter of settings. Whoever draws the faults of a period
 * heals all links before.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type { FaultScene } from "./raft-fault-scene.ts";

export class RaftLinkFaults {
  readonly #scene: FaultScene;
  readonly #prng: Prng;

  constructor(scene: FaultScene, prng: Prng) {
    this.#scene = scene;
    this.#prng = prng;
  }

  /** Cuts links: one member off, two halves, one direction, one side of a triangle, at random. */
  partition(): void {
    const prng = this.#prng;
    const { network, counters } = this.#scene.group;
    const { ids } = this.#scene;
    counters.partitions += 1;
    const shuffled = prng.shuffle(ids);
    const target = this.#scene.group.leader()?.id ?? (shuffled[0] as ReplicaId);
    const kind = prng.below(5);
    if (kind === 4) {
      this.#cutTriangle(target);
      return;
    }
    const left = new Set(
      kind === 0 ? [target] : shuffled.slice(0, prng.below(shuffled.length + 1)),
    );
    for (const from of ids) {
      for (const to of ids) {
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
  }

  /** One direction of one pair is slow; everything else is as it was. */
  slowLink(): void {
    const { group, ids } = this.#scene;
    const [from, to] = this.#prng.shuffle(ids);
    if (from === undefined || to === undefined) return;
    group.counters.slowLinks += 1;
    group.network.slow(from, to, this.#prng.pick([5_000, 50_000, 200_000, 1_000_000]));
  }

  /** Clogs links one by one, then frees them in another order. */
  swizzle(lengthUs: number): void {
    const prng = this.#prng;
    const { network } = this.#scene.group;
    const { ids } = this.#scene;
    const links = ids.flatMap((from) => ids.map((to) => ({ from, to })));
    const some = prng.shuffle(links).slice(0, prng.between(1, links.length));
    const half = lengthUs >> 1;
    for (const { from, to } of some) {
      if (from === to) continue;
      this.#scene.later(prng.below(half), () => network.clog(from, to));
      this.#scene.later(half + prng.below(half), () => network.unclog(from, to));
    }
  }

  /** For a while nobody but one other hears `id`; nobody at all when that is itself. */
  cutOff(id: ReplicaId, butFor: ReplicaId, forUs: number): void {
    const { network } = this.#scene.group;
    for (const other of this.#scene.ids) {
      if (other === id || other === butFor) continue;
      network.cut(id, other);
      network.cut(other, id);
    }
    this.#scene.later(forUs, () => {
      for (const other of this.#scene.ids) {
        network.heal(id, other);
        network.heal(other, id);
      }
    });
  }

  /** One link of a triangle: the rest still hears both ends. */
  #cutTriangle(target: ReplicaId): void {
    const { network, counters } = this.#scene.group;
    const { ids } = this.#scene;
    const others = ids.filter((id) => id !== target);
    if (others.length < 2) return;
    counters.trianglesCut += 1;
    const other = this.#prng.pick(others);
    network.cut(target, other);
    network.cut(other, target);
  }
}
