/**
 * What goes wrong with the processes of the register service, one thing after the other.
 *
 * Faults are drawn from a seed, but when they strike depends on the machine: a run cannot be
 * repeated exactly. Between faults the cluster is sometimes healed and sometimes not, so that they
 * also meet each other.
 */
import type { Prng } from "@atoll/stdx";
import { pause } from "../support/processes.ts";
import type { RegisterCluster } from "./cluster.ts";
import { IDS } from "./cluster.ts";

export const FAULTS = [
  "killOne",
  "killLeader",
  "killAll",
  "stopOne",
  "stopLeader",
  "pauseThenKill",
  "isolateLeader",
  "cutOneWay",
  "cutOneLink",
  "leaderUnheard",
  "resetLinks",
  "slowDisk",
  "slowAllDisks",
] as const;

export type Fault = (typeof FAULTS)[number];

export class Nemesis {
  readonly counts: Record<Fault, number> = Object.fromEntries(
    FAULTS.map((fault) => [fault, 0]),
  ) as Record<Fault, number>;
  readonly #cluster: RegisterCluster;
  readonly #prng: Prng;
  /** Every fault comes once before any comes again. */
  #next: Fault[] = [];

  constructor(cluster: RegisterCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
  }

  /** Makes trouble until `endMs` of the monotonic clock, then heals everything. */
  async run(endMs: number): Promise<void> {
    const cluster = this.#cluster;
    while (performance.now() < endMs) {
      await this.#strike();
      const restMs = Math.max(0, Math.min(this.#prng.between(50, 900), endMs - performance.now()));
      await pause(restMs);
      if (this.#prng.chance(2, 3)) await this.#calm(this.#prng.between(100, 700));
    }
    cluster.heal();
  }

  async #calm(ms: number): Promise<void> {
    this.#cluster.heal();
    await pause(ms);
  }

  async #strike(): Promise<void> {
    if (this.#next.length === 0) this.#next = this.#prng.shuffle(FAULTS);
    const fault = this.#next.pop() as Fault;
    this.counts[fault] += 1;
    const cluster = this.#cluster;
    const one = this.#prng.pick(IDS);
    const leader = cluster.leader > 0 ? cluster.leader : one;
    switch (fault) {
      case "killOne":
        await cluster.kill(one);
        break;
      case "killLeader":
        await cluster.kill(leader);
        break;
      case "killAll":
        await Promise.all(IDS.map((id) => cluster.kill(id)));
        break;
      case "stopOne":
        cluster.stop(one);
        break;
      case "stopLeader":
        cluster.stop(leader);
        break;
      case "pauseThenKill":
        await this.#pauseThenKill();
        break;
      case "isolateLeader":
        this.#cutOff(leader, true, true);
        break;
      case "leaderUnheard":
        // It hears everybody, and nobody hears it.
        this.#cutOff(leader, true, false);
        break;
      case "cutOneWay":
        this.#cutOneWay(one, this.#otherThan(one));
        break;
      case "cutOneLink": {
        const other = this.#otherThan(one);
        this.#cutOneWay(one, other);
        this.#cutOneWay(other, one);
        break;
      }
      case "resetLinks":
        for (const from of IDS) {
          for (const to of IDS) if (from !== to) cluster.relay(from, to).reset();
        }
        break;
      case "slowDisk":
        cluster.slowDisk(one, this.#prng.pick([20, 100, 400]));
        break;
      case "slowAllDisks":
        for (const id of IDS) cluster.slowDisk(id, this.#prng.pick([5, 20, 50]));
        break;
    }
  }

  /** Stops one, lets writes pass, kills another, resumes the first. */
  async #pauseThenKill(): Promise<void> {
    const [first, second] = this.#prng.shuffle(IDS) as [number, number];
    this.#cluster.stop(first);
    await pause(this.#prng.between(100, 400));
    await this.#cluster.kill(second);
    this.#cluster.resume(first);
  }

  #cutOff(id: number, outgoing: boolean, incoming: boolean): void {
    for (const other of IDS) {
      if (other === id) continue;
      if (outgoing) this.#cutOneWay(id, other);
      if (incoming) this.#cutOneWay(other, id);
    }
  }

  /** Bytes of `from` reach `to` on neither of the two connections between them. */
  #cutOneWay(from: number, to: number): void {
    this.#cluster.relay(from, to).cut("forth");
    this.#cluster.relay(to, from).cut("back");
  }

  #otherThan(id: number): number {
    return this.#prng.pick(IDS.filter((other) => other !== id));
  }
}
