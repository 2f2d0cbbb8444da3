/**
 * Disks that lie: one replica's folder is changed while the replica is down.
 *
 * Only ever one: a disk is struck when all replicas are whole, so that a majority holds all that
 * was acknowledged. Each damage is such that the replica must notice it, and the cluster says when
 * it does not. Called by the nemesis, which lets the replica live again with its next healing.
 */
import type { Prng } from "@atoll/stdx";
import { pause, until } from "../support/processes.ts";
import type { RegisterCluster } from "./cluster.ts";
import { IDS } from "./cluster.ts";
import {
  copyFolder,
  cutShort,
  emptyFolder,
  endOfRecords,
  flipBytes,
  loseMarker,
} from "./disk-damage.ts";

export const DISK_FAULTS = [
  "flipBytes",
  "cutShort",
  "loseMarker",
  "emptyFolder",
  "olderCopy",
] as const;

export type DiskFault = (typeof DISK_FAULTS)[number];

/** A replica whose log holds fewer entries has too little to lose. */
const ENTRIES_MIN = 40;
/** What so many entries take at least; their commands alone are longer. */
const LIVE_BYTES = 2_000;
/** What is so old is certainly noted as durable by the replica's marker. */
const DURABLE_AFTER_MS = 100;
/** So many entries an older copy lacks at least. */
const MISSING_ENTRIES_MIN = 10;

export class DiskFaults {
  readonly #cluster: RegisterCluster;
  readonly #prng: Prng;

  constructor(cluster: RegisterCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
  }

  /** Heals everything, waits until all replicas are whole, and strikes one of them. */
  async strike(fault: DiskFault): Promise<void> {
    const cluster = this.#cluster;
    cluster.heal();
    await cluster.allWhole();
    // Only its leader can tell a replica that it was put back in time.
    const others = IDS.filter((id) => id !== cluster.leader);
    const id = this.#prng.pick(fault === "olderCopy" ? others : IDS);
    await until(`replica ${id} holds ${ENTRIES_MIN} entries`, async () => {
      const { firstIndex = 0, lastIndex = 0 } = (await cluster.stateOf(id)) ?? {};
      return lastIndex - firstIndex >= ENTRIES_MIN ? true : undefined;
    });
    if (fault === "olderCopy") await this.#putBack(id);
    else await this.#damage(id, fault);
  }

  async #damage(id: number, fault: Exclude<DiskFault, "olderCopy">): Promise<void> {
    const cluster = this.#cluster;
    const folder = cluster.folderOf(id);
    const durable = endOfRecords(folder);
    await pause(DURABLE_AFTER_MS);
    await cluster.kill(id);
    switch (fault) {
      case "flipBytes":
        flipBytes(folder, durable - this.#prng.between(50, LIVE_BYTES));
        break;
      case "cutShort":
        cutShort(folder, durable - this.#prng.below(LIVE_BYTES));
        break;
      case "loseMarker":
        loseMarker(folder);
        break;
      case "emptyFolder":
        emptyFolder(folder);
        break;
    }
    cluster.struck(id, "damaged");
  }

  /**
   * Replaces the folder by an older copy of itself, which fits itself in every way. Raft bears that
   * only where nobody needs what is forgotten, so the others first commit something without it:
   * then both hold all that it acknowledged, in a term that is none below any of its votes.
   */
  async #putBack(id: number): Promise<void> {
    const cluster = this.#cluster;
    const folder = cluster.folderOf(id);
    const copy = `${folder}.older`;
    await cluster.kill(id);
    copyFolder(folder, copy);
    cluster.revive(id);
    await this.#goesOn(IDS, MISSING_ENTRIES_MIN);
    await cluster.kill(id);
    const others = IDS.filter((other) => other !== id);
    const all = await this.#goesOn(others, 1);
    copyFolder(copy, folder);
    cluster.struck(id, "older");
    cluster.revive(id);
    await until(`replica ${id} was told of its loss, or holds all again`, async () => {
      if (cluster.knowsOfLoss(id)) return true;
      return ((await cluster.stateOf(id))?.appliedIndex ?? 0) >= all ? true : undefined;
    });
  }

  /**
   * Waits until each of `ids` has applied at least so many entries more than any of them holds now;
   * returns how far that is.
   */
  async #goesOn(ids: readonly number[], more: number): Promise<number> {
    const cluster = this.#cluster;
    const states = await until(`replicas ${ids.join(", ")} answer`, async () => {
      const told = await Promise.all(ids.map((id) => cluster.stateOf(id)));
      const known = told.filter((state) => state !== undefined);
      return known.length === ids.length ? known : undefined;
    });
    const wanted = Math.max(...states.map(({ lastIndex }) => lastIndex)) + more;
    return until(`replicas ${ids.join(", ")} have applied ${wanted}`, async () => {
      const told = await Promise.all(ids.map((id) => cluster.stateOf(id)));
      return told.every((state) => (state?.appliedIndex ?? 0) >= wanted) ? wanted : undefined;
    });
  }
}
