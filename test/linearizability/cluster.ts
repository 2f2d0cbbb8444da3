/**
 * Three replicas of the register service, each a process with a disk folder, and a relay for each
 * link between two of them.
 */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { end, freePorts, kill, start, until } from "../support/processes.ts";
import { Relay } from "./relay.ts";
import { RegisterConnection } from "./connection.ts";
import type { News, ReplicaProcessConfig } from "./wire.ts";
import { lineReader } from "./wire.ts";

export const IDS: readonly number[] = [1, 2, 3];

export class RegisterCluster {
  readonly #folder: string;
  readonly #raftPorts: readonly number[];
  readonly #relays: ReadonlyMap<string, Relay>;
  readonly #children = new Map<number, ChildProcess>();
  /** Where each replica that runs takes clients. */
  readonly #clientPorts = new Map<number, number>();
  readonly #stopped = new Set<number>();
  #leading: { readonly term: number; readonly id: number } = { term: 0, id: 0 };
  /** What a replica said of itself that must not happen under any fault of this suite. */
  readonly failures: string[] = [];

  private constructor(
    folder: string,
    raftPorts: readonly number[],
    relays: ReadonlyMap<string, Relay>,
  ) {
    this.#folder = folder;
    this.#raftPorts = raftPorts;
    this.#relays = relays;
  }

  /**
   * @param folder where the replicas' disks are; must exist.
   * @throws when they do not come to serve; nothing is left running then.
   */
  static async start(folder: string): Promise<RegisterCluster> {
    const raftPorts = await freePorts(IDS.length);
    const relays = new Map<string, Relay>();
    const cluster = new RegisterCluster(folder, raftPorts, relays);
    try {
      for (const from of IDS) {
        for (const to of IDS) {
          if (from === to) continue;
          relays.set(`${from}>${to}`, await Relay.start(raftPorts[to - 1] as number));
        }
      }
      for (const id of IDS) cluster.revive(id);
      await cluster.healthy();
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

  /** The link by which `from` speaks to `to`. */
  relay(from: number, to: number): Relay {
    return this.#relays.get(`${from}>${to}`) as Relay;
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
      if (peer !== id) peerPorts[String(peer)] = this.relay(id, peer).port;
    }
    const config: ReplicaProcessConfig = {
      id,
      folder: join(this.#folder, `replica-${id}`),
      raftPort: this.#raftPorts[id - 1] as number,
      peerPorts,
    };
    const script = join(import.meta.dirname, "replica-process.ts");
    const words = ["--conditions=atoll-source", script, JSON.stringify(config)];
    const child = start(process.execPath, words, { UV_THREADPOOL_SIZE: "16" });
    this.#children.set(id, child);
    child.stdout?.on(
      "data",
      lineReader((line) => {
        if (this.#children.get(id) === child) this.#hear(id, JSON.parse(line) as News);
      }),
    );
    child.once("exit", (code) => {
      if (this.#children.get(id) !== child) return;
      this.failures.push(`replica ${id} ended by itself with ${code}`);
      this.#forget(id);
    });
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
    for (const relay of this.#relays.values()) relay.heal();
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
    for (const relay of this.#relays.values()) await relay.close();
  }

  #forget(id: number): void {
    this.#children.delete(id);
    this.#clientPorts.delete(id);
    this.#stopped.delete(id);
  }

  #hear(id: number, news: News): void {
    switch (news.type) {
      case "listening":
        this.#clientPorts.set(id, news.clientPort);
        break;
      case "leadership":
        if (news.leading && news.term >= this.#leading.term) {
          this.#leading = { term: news.term, id };
        }
        break;
      case "failed":
        this.failures.push(`replica ${id}: ${news.reason}`);
        break;
    }
  }
}
