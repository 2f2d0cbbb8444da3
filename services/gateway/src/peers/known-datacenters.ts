/**
 * Makes an island of each datacenter that this gateway hears of, once.
 *
 * Those whose mirrors are on disk are there from the start, whether anybody can be reached or not.
 * Bounded: past the bound a new datacenter is refused and that is said.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { checkName, type DatacenterName } from "@atoll/domain";
import type { Log } from "@atoll/service-kit";
import { type Islands, ISLANDS_MAX } from "../islands/islands.ts";
import type { ServedLog } from "./log-server.ts";
import { MIRRORS_FOLDER } from "./mirror-disk.ts";
import type { RemoteIsland } from "./remote-island.ts";

export class KnownDatacenters implements AsyncDisposable {
  readonly #islands: Islands;
  readonly #open: (datacenter: DatacenterName) => Promise<RemoteIsland>;
  readonly #log: Log;
  /** Opened, or being opened. */
  readonly #remote = new Map<DatacenterName, Promise<RemoteIsland | undefined>>();
  readonly #served = new Map<string, ServedLog>();
  #over = false;

  constructor(options: {
    readonly islands: Islands;
    readonly open: (datacenter: DatacenterName) => Promise<RemoteIsland>;
    readonly log: Log;
  }) {
    this.#islands = options.islands;
    this.#open = options.open;
    this.#log = options.log;
  }

  /** The log of another datacenter as it is mirrored here. */
  served(datacenter: string): ServedLog | undefined {
    return this.#served.get(datacenter);
  }

  /** Opens what an earlier life of this gateway knew. */
  async openKnown(dataDir: string): Promise<void> {
    const folder = join(dataDir, MIRRORS_FOLDER);
    await mkdir(folder, { recursive: true });
    const names = (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    for (const name of names.toSorted()) this.heardOf(name);
    await Promise.all(this.#remote.values());
  }

  /** Somebody knows a datacenter of that name. */
  heardOf(name: string): void {
    const datacenter = name as DatacenterName;
    if (this.#over || this.#remote.has(datacenter)) return;
    if (checkName("datacenter", name) !== undefined) return;
    if (datacenter === this.#islands.home.datacenter) return;
    if (this.#remote.size + 1 >= ISLANDS_MAX) {
      this.#log.error("there are too many datacenters", { refused: name, most: ISLANDS_MAX });
      return;
    }
    this.#remote.set(datacenter, this.#join(datacenter));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    for (const opening of this.#remote.values()) {
      const remote = await opening;
      if (remote === undefined) continue;
      this.#islands.remove(remote.island);
      await remote[Symbol.asyncDispose]();
    }
  }

  async #join(datacenter: DatacenterName): Promise<RemoteIsland | undefined> {
    try {
      const remote = await this.#open(datacenter);
      this.#served.set(datacenter, remote.served);
      this.#islands.add(remote.island);
      this.#log.info("a datacenter is known", { datacenter });
      return remote;
    } catch (error) {
      this.#log.error("a mirror cannot be opened", { datacenter, error });
      return undefined;
    }
  }
}
