/**
 * What chaos is made on: a lab, and agents of its own that keep a record.
 *
 * Knows how to break each part and how to put all of it back; draws nothing and checks nothing.
 * Processes that are put back come up by themselves: nobody waits for them but `heal`.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { startLab, type Lab, type LabProcess, type NatsServers } from "@atoll/lab";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { StoryApi } from "../story/api.ts";
import { runAtoll } from "../support/run-atoll.ts";
import { isAlive } from "../support/alive.ts";
import type { TwinEpisode } from "./check-identity.ts";
import { FILE_PATH, roleText, SERVICES, startsFile } from "./role.ts";
import { Twin } from "./twin.ts";

const AGENT_DISK = "size=24m";
const CHUNK = Buffer.alloc(64 * 1024);

export class Field implements AsyncDisposable {
  readonly lab: Lab;
  readonly api: StoryApi;
  readonly agents: readonly string[];
  /** Second agents that were heard beside the first. */
  readonly episodes: TwinEpisode[] = [];
  readonly #mounted: string[] = [];
  readonly #twins: Twin[] = [];

  private constructor(lab: Lab, agents: readonly string[]) {
    this.lab = lab;
    this.api = new StoryApi(lab.gatewayAddress);
    this.agents = agents;
  }

  /** Starts the lab and its agents, and gives them the role. */
  static async start(
    stateDir: string,
    { agents: agentCount, nats }: { readonly agents: number; readonly nats: NatsServers },
  ): Promise<Field> {
    const lab = await startLab({
      stateDir,
      portBase: 0,
      agents: 0,
      machine: false,
      restart: false,
      nats,
    });
    const names = Array.from({ length: agentCount }, (_, at) => `c${at + 1}`);
    const field = new Field(lab, names);
    try {
      for (const name of names) await field.#addAgent(name);
      const path = join(stateDir, "chaos.yaml");
      writeFileSync(path, roleText());
      await runAtoll(lab.gatewayAddress, "apply", "-f", path);
    } catch (error) {
      await field[Symbol.asyncDispose]();
      throw error;
    }
    return field;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.api[Symbol.dispose]();
    for (const twin of this.#twins) await twin.end();
    await this.lab.stop();
    for (const folder of this.#mounted) spawnSync("umount", [folder]);
  }

  /** Processes of a kind, in the order of their names. */
  those(kind: LabProcess["spec"]["kind"]): readonly LabProcess[] {
    return this.lab.processes.filter(({ spec }) => spec.kind === kind);
  }

  recordFile(agent: string): string {
    return join(this.lab.stateDir, "agents", agent, "record.jsonl");
  }

  /** The pids that a service of a node wrote down when it began, in order. */
  startedPids(agent: string, service: string): number[] {
    try {
      const text = readFileSync(join(this.#rootDir(agent), startsFile(service)), "utf8");
      return text.trim().split("\n").map(Number);
    } catch {
      return [];
    }
  }

  /** Kills what runs of a service; nothing when nothing does. */
  killService(agent: string, service: string): void {
    const pid = this.startedPids(agent, service).at(-1);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
  }

  changeFile(agent: string, text: string): void {
    try {
      writeFileSync(join(this.#rootDir(agent), FILE_PATH), text, { flag: "r+" });
    } catch {
      // It is not there now.
    }
  }

  async kill(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.lab.process(name).kill("SIGKILL")));
  }

  /** Begins to start it; that it gets ready is `heal`'s to see. */
  bringBack(name: string): void {
    this.lab
      .process(name)
      .start()
      .catch(() => {});
  }

  /** Everything runs again, has room, and says that it is ready. @throws LabError when not. */
  async heal(): Promise<void> {
    for (const name of this.agents) this.giveRoom(name);
    for (const twin of this.#twins) await twin.end();
    for (const { name } of this.lab.processes) this.lab.resume(name);
    const [nats, others] = [this.those("nats"), this.lab.processes];
    await Promise.all(nats.map((one) => one.start()));
    await Promise.all(others.map((one) => one.start()));
  }

  /** The stream of facts is gone, with all that is in it; nothing happens while no server runs. */
  async deleteStream(): Promise<void> {
    const options = { servers: this.lab.natsUrl.split(","), reconnect: false, timeout: 1_000 };
    const connection = await connect(options).catch(() => undefined);
    if (connection === undefined) return;
    try {
      const manager = await jetstreamManager(connection, { timeout: 2_000 });
      await manager.streams.delete(`ATOLL_FACTS_${this.lab.datacenter}`);
    } catch {
      // It is not there, or nobody leads it now.
    } finally {
      await connection.close();
    }
  }

  /** Its store is gone; it must not run. */
  wipeNats(name: string): void {
    rmSync(this.#natsDir(name), { recursive: true, force: true });
    mkdirSync(this.#natsDir(name), { recursive: true });
  }

  /** Copies its store as it is now; it must not run. */
  keepNats(name: string): void {
    const copy = this.#natsCopy(name);
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.#natsDir(name), copy, { recursive: true });
  }

  /** Its store is as it was kept; it must not run. */
  rollBackNats(name: string): void {
    rmSync(this.#natsDir(name), { recursive: true, force: true });
    cpSync(this.#natsCopy(name), this.#natsDir(name), { recursive: true });
  }

  /** A new machine under the old name: nothing of it runs or is known; its agent must not run. */
  wipeAgent(name: string): void {
    for (const service of SERVICES) this.killService(name, service);
    const { dataDir } = this.lab.process(name).spec;
    appendFileSync(
      this.recordFile(name),
      `${JSON.stringify({ type: "wiped", incarnation: "" })}\n`,
    );
    for (const entry of readdirSync(dataDir)) {
      rmSync(join(dataDir, entry), { recursive: true, force: true });
    }
  }

  /** The second agents that a node has had. */
  twinsOf(name: string): readonly Twin[] {
    return this.#twins.filter(({ node }) => node === name);
  }

  /** A second agent under the name; `copied`: with a copy of its data folder. */
  async startTwin(name: string, copied: boolean): Promise<Twin> {
    const folder = join(this.lab.stateDir, "twins", `${name}-${this.#twins.length + 1}`);
    const twin = await Twin.start(this.lab.process(name).spec, { folder, copied });
    this.#twins.push(twin);
    return twin;
  }

  /** Takes every byte that its disk has left. */
  fillDisk(name: string): void {
    const path = join(this.lab.process(name).spec.dataDir, "filler");
    for (let size = CHUNK.length; size >= 1; size = Math.floor(size / 4)) {
      try {
        for (;;) writeFileSync(path, CHUNK.subarray(0, size), { flag: "a" });
      } catch {
        // Full for pieces of this size.
      }
    }
  }

  /** Whether agents have disks of their own that can be filled: only root may mount them. */
  get hasSmallDisks(): boolean {
    return this.#mounted.length === this.agents.length;
  }

  giveRoom(name: string): void {
    rmSync(join(this.lab.process(name).spec.dataDir, "filler"), { force: true });
  }

  async #addAgent(name: string): Promise<void> {
    const dataDir = join(this.lab.stateDir, "agents", name, "data");
    mkdirSync(dataDir, { recursive: true });
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", AGENT_DISK, "tmpfs", dataDir]);
    if (mount.status === 0) this.#mounted.push(dataDir);
    const environment = { ATOLL_RECORD_FILE: this.recordFile(name) };
    await this.lab.addAgent({ name, labels: { tier: "chaos" }, environment });
  }

  #rootDir(agent: string): string {
    return this.lab.process(agent).spec.rootDir as string;
  }

  #natsCopy(name: string): string {
    return join(this.lab.stateDir, `${name}-copy`);
  }

  #natsDir(name: string): string {
    return join(this.lab.process(name).spec.dataDir, "jetstream");
  }
}

/** All services of all nodes, as the checks want them counted. */
export function startsOf(field: Field, agent: string): Map<string, number> {
  const counts = SERVICES.map((service): [string, number] => [
    `chaos/${service}`,
    field.startedPids(agent, service).length +
      field.twinsOf(agent).reduce((sum, twin) => sum + twin.startedPids(service).length, 0),
  ]);
  return new Map(counts);
}
