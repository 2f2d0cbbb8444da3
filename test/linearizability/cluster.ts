/**
 * Three replicas of the register service, each a process with a disk folder, and a link between
 * each two of them.
 *
 * Knows whose disk was struck: such a replica must notice, and no other may distrust its log.
 */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Links } from "@atoll/lab";
import { assert } from "@atoll/stdx";
import { end, freePorts, kill, start, until } from "../support/processes.ts";
import { RegisterConnection } from "./connection.ts";
import type { News, ReplicaProcessConfig, ReplicaState } from "./wire.ts";
import { EXIT_LOST, lineReader } from "./wire.ts";

export const IDS: readonly number[] = [1, 2, 3];
const STATE_TIMEOUT_MS = 1_000;
/** Nothing is ever lost on these links, only held up. */
const LINK_SEED = 1;

/**
 * What is wrong with a disk: it was `damaged`, which the replica must notice when it opens its log;
 * or put back to an `older` state, which a leader may tell it, and then it is damaged; or the
 * replica has `noticed`.
 */
type DiskTrouble = "damaged" | "older" | "noticed";

export class RegisterCluster {
  readonly #folder: string;
  readonly #raftPorts: readonly number[];
  /** Between replicas, by their ids. */
  readonly links: Links;
  readonly #children = new Map<number, ChildProcess>();
  /** Where each replica that runs takes clients. */
  readonly #clientPorts = new Map<number, number>();
  readonly #stopped = new Set<number>();
  /** By replica, from when its disk was struck until it is whole again. */
  readonly #troubles = new Map<number, DiskTrouble>();
  /** Before that, every folder is blank. */
  #founded = false;
  #leading: { readonly term: number; readonly id: number } = { term: 0, id: 0 };
  /** What a replica said of itself that must not happen under any fault of this suite. */
  readonly failures: string[] = [];
  /** How many logs were distrusted and rebuilt from the others. */
  rebuilt = 0;

  private constructor(folder: string, raftPorts: readonly number[], links: Links) {
    this.#folder = folder;
    this.#raftPorts = raftPorts;
    this.links = links;
  }

  /**
   * @param folder where the replicas' disks are; must exist.
   * @throws when they do not come to serve; nothing is left running then.
   */
  static async start(folder: string): Promise<RegisterCluster> {
    const raftPorts = await freePorts(IDS.length);
    const ends = IDS.map((id) => ({ name: String(id), port: raftPorts[id - 1] as number }));
    const links = await Links.start({ ends, seed: LINK_SEED });
    const cluster = new RegisterCluster(folder, raftPorts, links);
    try {
      for (const id of IDS) cluster.revive(id);
      await cluster.healthy();
      await cluster.allWhole();
      cluster.#founded = true;
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** The leader of the newest term that any replica has told; 0 for none. */
  get leader(): number {
    return this.#leading.id;
  }

  /** Undefined while the replica is down. */
  clientPort(id: number): number | undefined {
    return this.#clientPorts.get(id);
  }

  async kill(id: number): Promise<void> {
    const child = this.#children.get(id);
    if (child === undefined) return;
    this.#forget(id);
    await kill(child);
  }

  /** Starts a replica that is down, on the disk it had. */
  revive(id: number): void {
    if (this.#children.has(id)) return;
    const peerPorts: Record<string, number> = {};
    for (const peer of IDS) {
      if (peer !== id) peerPorts[String(peer)] = this.links.port(String(id), String(peer));
    }
    const config: ReplicaProcessConfig = {
      id,
      folder: this.folderOf(id),
      raftPort: this.#raftPorts[id - 1] as number,
      peerPorts,
    };
    const script = join(import.meta.dirname, "replica-process.ts");
    const words = ["--conditions=atoll-source", script, JSON.stringify(config)];
    // Replicas start often; what one has compiled the next need not.
    const NODE_COMPILE_CACHE = join(this.#folder, "compiled");
    const child = start(process.execPath, words, { UV_THREADPOOL_SIZE: "16", NODE_COMPILE_CACHE });
    this.#children.set(id, child);
    child.stdout?.on(
      "data",
      lineReader((line) => {
        if (this.#children.get(id) === child) this.#hear(id, JSON.parse(line) as News);
      }),
    );
    child.once("exit", (code) => {
      if (this.#children.get(id) !== child) return;
      this.#forget(id);
      if (code === EXIT_LOST && this.#troubles.get(id) === "older") {
        this.#troubles.set(id, "damaged");
        this.revive(id);
      } else {
        this.failures.push(`replica ${id} ended by itself with ${code}`);
      }
    });
  }

  folderOf(id: number): string {
    return join(this.#folder, `replica-${id}`);
  }

  /** The disk of a replica that is down was changed. One at a time. */
  struck(id: number, trouble: "damaged" | "older"): void {
    assert(this.#troubles.size === 0, "a second disk was struck before the first was whole");
    assert(!this.#children.has(id), `the disk of replica ${id} was struck while it ran`);
    this.#troubles.set(id, trouble);
  }

  /** Whether a replica that was struck has noticed. */
  knowsOfLoss(id: number): boolean {
    return this.#troubles.get(id) === "noticed";
  }

  /** Undefined while it does not answer. */
  async stateOf(id: number): Promise<ReplicaState | undefined> {
    const port = this.#clientPorts.get(id);
    if (port === undefined) return undefined;
    const connection = new RegisterConnection(port);
    const answer = await connection.ask({ kind: "state" }, STATE_TIMEOUT_MS);
    connection.destroy();
    return answer?.type === "state" ? answer : undefined;
  }

  /** Waits until every replica is up and counts. Nothing may hold one up. */
  async allWhole(): Promise<void> {
    await until("all replicas are whole", async () => {
      if (this.failures.length > 0) throw new Error(this.failures.join("; "));
      const states = await Promise.all(IDS.map((id) => this.stateOf(id)));
      return states.every((state) => state?.whole === true) ? true : undefined;
    });
    this.#troubles.clear();
  }

  /** SIGSTOP: it stands still, its sockets stay open. */
  stop(id: number): void {
    const child = this.#children.get(id);
    if (child === undefined) return;
    this.#stopped.add(id);
    child.kill("SIGSTOP");
  }

  resume(id: number): void {
    if (!this.#stopped.delete(id)) return;
    this.#children.get(id)?.kill("SIGCONT");
  }

  slowDisk(id: number, delayMs: number): void {
    const port = this.#clientPorts.get(id);
    if (port === undefined) return;
    const connection = new RegisterConnection(port);
    connection.tell({ kind: "disk", delayMs });
    connection.end();
  }

  /** Ends every fault: all links whole, all replicas running, all disks fast. */
  heal(): void {
    this.links.healAll();
    for (const id of IDS) {
      this.resume(id);
      this.revive(id);
      this.slowDisk(id, 0);
    }
  }

  async healthy(): Promise<void> {
    await until("all replicas take clients and one leads", () => {
      if (this.failures.length > 0) throw new Error(this.failures.join("; "));
      return this.#leading.id > 0 && this.#clientPorts.size === IDS.length ? true : undefined;
    });
  }

  async close(): Promise<void> {
    for (const id of IDS) this.resume(id);
    const children = [...this.#children.values()];
    this.#children.clear();
    await Promise.all(children.map((child) => end(child)));
    await this.links.close();
  }

  #forget(id: number): void {
    this.#children.delete(id);
    this.#clientPorts.delete(id);
    this.#stopped.delete(id);
  }

  #hear(id: number, news: News): void {
    switch (news.type) {
      case "opened":
        this.#hearOpened(id, news.whole, news.reason);
        break;
      case "listening":
        this.#clientPorts.set(id, news.clientPort);
        break;
      case "leadership":
        if (news.leading && news.term >= this.#leading.term) {
          this.#leading = { term: news.term, id };
        }
        break;
      case "failed":
        if (this.#troubles.get(id) !== "older") this.failures.push(`replica ${id}: ${news.reason}`);
        break;
    }
  }

  #hearOpened(id: number, whole: boolean, reason: string): void {
    if (!this.#founded) return;
    const trouble = this.#troubles.get(id);
    if (whole && trouble === "damaged") {
      this.failures.push(`replica ${id} took a damaged log for a whole one`);
    } else if (!whole && trouble === undefined) {
      this.failures.push(`replica ${id} distrusts a log that nobody touched: ${reason}`);
    } else if (!whole) {
      if (trouble !== "noticed") this.rebuilt += 1;
      this.#troubles.set(id, "noticed");
    }
  }
}
