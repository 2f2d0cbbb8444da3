/**
 * What goes wrong with the processes of the register service, one thing after the other.
 *
 * Faults are drawn from a seed, but when they strike depends on the machine: a run cannot be
 * repeated exactly. Between faults the cluster is sometimes healed and sometimes not, so that they
 * also meet each other; a disk is struck in a healed cluster, and what follows meets its recovery.
 */
import type { Prng } from "@atoll/stdx";
import { pause } from "../support/processes.ts";
import type { RegisterCluster } from "./cluster.ts";
import { IDS } from "./cluster.ts";
import { DISK_FAULTS, DiskFaults, type DiskFault } from "./disk-faults.ts";

const PROCESS_FAULTS = [
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

type ProcessFault = (typeof PROCESS_FAULTS)[number];
export type Fault = ProcessFault | DiskFault;

export class Nemesis {
  readonly counts: Record<Fault, number> = Object.fromEntries(
    [...PROCESS_FAULTS, ...DISK_FAULTS].map((fault) => [fault, 0]),
  ) as Record<Fault, number>;
  readonly #cluster: RegisterCluster;
  readonly #prng: Prng;
  readonly #disks: DiskFaults;
  /** Every fault comes once before any comes again. */
  #next: Fault[] = [];

  constructor(cluster: RegisterCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
    this.#disks = new DiskFaults(cluster, prng.child("disks"));
  }

  /**
   * Makes trouble until `endMs` of the monotonic clock, and until disks have lied in every way;
   * then heals everything.
   * @throws when the replicas do not become whole between two lies.
   */
  async run(endMs: number): Promise<void> {
    const cluster = this.#cluster;
    const isMissing = (fault: Fault): boolean => this.counts[fault] === 0;
    while (performance.now() < endMs || DISK_FAULTS.some(isMissing)) {
      await this.#strikeNext();
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

  async #strikeNext(): Promise<void> {
    if (this.#next.length === 0) this.#next = this.#drawOrder();
    const fault = this.#next.shift() as Fault;
    if (isOfDisk(fault)) await this.#disks.strike(fault);
    else await this.#strike(fault);
    this.counts[fault] += 1;
  }

  /** Every fault once; one of a disk and another in turn, as long as there are such. */
  #drawOrder(): Fault[] {
    const others: Fault[] = this.#prng.shuffle(PROCESS_FAULTS);
    const disks: Fault[] = this.#prng.shuffle(DISK_FAULTS);
    const inTurn = disks.flatMap((disk, at) => [disk, others[at] as Fault]);
    return [...inTurn, ...others.slice(disks.length)];
  }

  async #strike(fault: ProcessFault): Promise<void> {
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
      case "cutOneLink":
        cluster.links.cut(String(one), String(this.#otherThan(one)));
        break;
      case "resetLinks":
        cluster.links.resetAll();
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

  #cutOneWay(from: number, to: number): void {
    this.#cluster.links.mute(String(from), String(to));
  }

  #otherThan(id: number): number {
    return this.#prng.pick(IDS.filter((other) => other !== id));
  }
}

function isOfDisk(fault: Fault): fault is DiskFault {
  return (DISK_FAULTS as readonly Fault[]).includes(fault);
}
