/**
 * Makes an island of each datacenter that this gateway hears of, once.
 *
 * Those whose mirrors are on disk are there from the start, whether anybody can be reached or not.
 * Bounded: past the bound a new datacenter is refused and that is said. Names that are only heard
 * of may take a part of the room; each configured one has its own.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { checkName, type DatacenterName } from "@atoll/domain";
import type { LogFeed } from "@atoll/federation";
import type { Log } from "@atoll/service-kit";
import { type Islands, ISLANDS_MAX } from "../islands/islands.ts";
import type { ServedLog } from "./log-server.ts";
import { MIRRORS_FOLDER } from "./mirror-disk.ts";
import type { RemoteIsland } from "./remote-island.ts";

/** Datacenters that are not configured and of which no gateway has greeted. */
const HEARD_OF_MAX = 16;
/** Names that were refused, and about which that was said. */
const REFUSED_MAX = 1_024;

export interface KnownDatacentersOptions {
  readonly islands: Islands;
  /** Datacenters that the configuration names. */
  readonly configured: readonly string[];
  readonly open: (datacenter: DatacenterName) => Promise<RemoteIsland>;
  readonly log: Log;
}

export class KnownDatacenters implements AsyncDisposable {
  readonly #options: KnownDatacentersOptions;
  readonly #configured: ReadonlySet<string>;
  /** Opened, or being opened. */
  readonly #remote = new Map<DatacenterName, Promise<RemoteIsland | undefined>>();
  /** Those of them that are only heard of, or on disk. */
  readonly #heardOf = new Set<string>();
  readonly #served = new Map<string, ServedLog>();
  readonly #refused = new Set<string>();
  #over = false;

  constructor(options: KnownDatacentersOptions) {
    this.#options = options;
    this.#configured = new Set(options.configured);
  }

  /** The logs of all that are mirrored here. */
  get feeds(): readonly LogFeed[] {
    return [...this.#served.values()].map(({ feed }) => feed);
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
    for (const name of names.toSorted()) {
      if (this.#add(name) && !this.#configured.has(name)) this.#heardOf.add(name);
    }
    await Promise.all(this.#remote.values());
  }

  /** A gateway of that datacenter has greeted. */
  met(name: string): void {
    this.#heardOf.delete(name);
    this.#add(name);
  }

  /** Somebody knows a datacenter of that name. */
  heardOf(name: string): void {
    if (this.#configured.has(name)) {
      this.#add(name);
    } else if (this.#heardOf.size < HEARD_OF_MAX) {
      if (this.#add(name)) this.#heardOf.add(name);
    } else if (this.#isNew(name)) {
      this.#refuse(name, HEARD_OF_MAX);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    for (const opening of this.#remote.values()) {
      const remote = await opening;
      if (remote === undefined) continue;
      this.#options.islands.remove(remote.island);
      await remote[Symbol.asyncDispose]();
    }
  }

  #isNew(name: string): name is DatacenterName {
    if (this.#over || this.#remote.has(name as DatacenterName)) return false;
    if (checkName("datacenter", name) !== undefined) return false;
    return name !== this.#options.islands.home.datacenter;
  }

  /** True when it is new and there is room. */
  #add(name: string): boolean {
    if (!this.#isNew(name)) return false;
    const kept = [...this.#configured].filter(
      (configured) => configured !== name && this.#isNew(configured),
    );
    const room = ISLANDS_MAX - 1 - this.#remote.size;
    if (room <= (this.#configured.has(name) ? 0 : kept.length)) {
      this.#refuse(name, ISLANDS_MAX);
      return false;
    }
    this.#remote.set(name, this.#join(name));
    return true;
  }

  #refuse(name: string, most: number): void {
    if (this.#refused.has(name) || this.#refused.size >= REFUSED_MAX) return;
    this.#refused.add(name);
    this.#options.log.error("there are too many datacenters", { refused: name, most });
  }

  async #join(datacenter: DatacenterName): Promise<RemoteIsland | undefined> {
    const { open, islands, log } = this.#options;
    try {
      const remote = await open(datacenter);
      this.#served.set(datacenter, remote.served);
      islands.add(remote.island);
      log.info("a datacenter is known", { datacenter });
      return remote;
    } catch (error) {
      log.error("a mirror cannot be opened", { datacenter, error });
      // Tried again when it is heard of again.
      this.#remote.delete(datacenter);
      this.#heardOf.delete(datacenter);
      return undefined;
    }
  }
}
