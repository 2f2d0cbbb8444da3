/**
 * Three of our replicas on loopback, each a process with a log of its own on disk.
 */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, credentials, type ClientDuplexStream } from "@grpc/grpc-js";
import type { ReplicaSettings } from "@atoll/raft-replica";
import { LeaderChangedError, makeValue, MEMBERS, type Cluster, type Driver } from "./cluster.ts";
import {
  decodeAnswer,
  driveServiceDefinition,
  encodeRequest,
  OUTCOMES,
  type DriveAnswer,
} from "./drive-wire.ts";
import { end, freePorts, kill, start, until } from "../../support/processes.ts";

type Stream = ClientDuplexStream<Buffer, Buffer>;

/** What a replica runs with: a young generation that stays in the processor's cache. */
const NODE_OPTIONS: readonly string[] = ["--max-semi-space-size=8"];
const CHANNEL_OPTIONS = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 10,
  "grpc.max_reconnect_backoff_ms": 50,
};

export interface AtollOptions {
  /** What differs from the default settings. */
  readonly settings: Partial<ReplicaSettings>;
  /** Where each replica leaves a profile when it ends; undefined for none. */
  readonly profiles: string | undefined;
}

export class AtollCluster implements Cluster {
  readonly name = "Atoll";
  readonly #folder: string;
  readonly #options: AtollOptions;
  readonly #ports: Record<string, number> = {};
  readonly #children = new Map<number, ChildProcess>();
  readonly #clients = new Map<number, MemberClient>();
  readonly #listening = new Set<number>();
  #spawned = 0;
  #leading: { readonly term: number; readonly id: number } = { term: 0, id: 0 };
  /** The leader of the newest term each member has told. */
  readonly #follows = new Map<number, number>();

  private constructor(folder: string, options: AtollOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async start(folder: string, options: AtollOptions): Promise<AtollCluster> {
    const cluster = new AtollCluster(folder, options);
    const ports = await freePorts(MEMBERS);
    for (let id = 1; id <= MEMBERS; id += 1) {
      cluster.#ports[String(id)] = ports[id - 1] as number;
    }
    for (let id = 1; id <= MEMBERS; id += 1) cluster.#spawn(id);
    await cluster.healthy();
    return cluster;
  }

  async driver(): Promise<Driver> {
    const id = await this.leader();
    return new StreamDriver(new MemberClient(this.#ports[String(id)] as number));
  }

  leader(): Promise<number> {
    return until("a leader", () => (this.#leading.id > 0 ? this.#leading.id : undefined));
  }

  async writeAvoiding(avoided: number, tried: number, timeoutMs: number): Promise<number> {
    const others = [...this.#children.keys()].filter((id) => id !== avoided);
    let target = others[tried % others.length] as number;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const answer = await this.#client(target).ask(1, deadline - performance.now());
      if (answer.outcome === OUTCOMES.committed) return answer.position;
      if (!others.includes(answer.leader)) throw new Error(`no leader known to ${target}`);
      target = answer.leader;
    }
  }

  async readAt(member: number, timeoutMs: number): Promise<number> {
    const answer = await this.#client(member).ask(0, timeoutMs);
    if (answer.outcome === OUTCOMES.committed) return answer.position;
    throw new Error(`${member} refuses to read`);
  }

  async signal(member: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const child = this.#children.get(member) as ChildProcess;
    if (signal === "SIGKILL") this.#listening.delete(member);
    child.kill(signal);
  }

  async restart(member: number): Promise<void> {
    await kill(this.#children.get(member) as ChildProcess);
    this.#clients.get(member)?.close();
    this.#clients.delete(member);
    this.#spawn(member);
  }

  async healthy(): Promise<void> {
    await until("all replicas follow one leader", () => {
      const { id } = this.#leading;
      const follow = [...this.#children.keys()].every((member) => this.#follows.get(member) === id);
      return id > 0 && follow && this.#listening.size === MEMBERS ? true : undefined;
    });
  }

  pids(): readonly number[] {
    return [...this.#children.values()].map(({ pid }) => pid as number);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    for (const child of this.#children.values()) await end(child);
  }

  #client(id: number): MemberClient {
    let client = this.#clients.get(id);
    if (client === undefined || client.broken) {
      client?.close();
      client = new MemberClient(this.#ports[String(id)] as number);
      this.#clients.set(id, client);
    }
    return client;
  }

  #profiling(id: number): readonly string[] {
    const { profiles } = this.#options;
    if (profiles === undefined) return [];
    const name = `replica-${id}-${this.#spawned}.cpuprofile`;
    return ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}`];
  }

  #spawn(id: number): void {
    this.#spawned += 1;
    this.#listening.delete(id);
    this.#follows.delete(id);
    const folder = join(this.#folder, `replica-${id}`);
    const config = { id, ports: this.#ports, folder, settings: this.#options.settings };
    const script = join(import.meta.dirname, "replica-process.ts");
    const extra = process.env["BENCH_NODE_OPTIONS"]?.split(" ") ?? NODE_OPTIONS;
    const args = [
      "--conditions=atoll-source",
      ...extra,
      ...this.#profiling(id),
      script,
      JSON.stringify(config),
    ];
    const child = start(process.execPath, args, { UV_THREADPOOL_SIZE: "16" });
    this.#children.set(id, child);
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (this.#children.get(id) !== child) return;
      this.#told(id, JSON.parse(line) as Record<string, unknown>);
    });
  }

  #told(id: number, line: Record<string, unknown>): void {
    if (line["type"] === "listening") this.#listening.add(id);
    if (line["type"] !== "leadership") return;
    const term = Number(line["term"]);
    const leader = Number(line["leader"]);
    this.#follows.set(id, leader);
    if (line["leading"] === true && term >= this.#leading.term) this.#leading = { term, id };
  }
}

/** One stream to one member. */
class MemberClient {
  broken = false;
  onAnswer: (answer: DriveAnswer) => void = () => {};
  onBroken: (error: Error) => void = () => {};
  readonly #client: Client;
  readonly stream: Stream;
  #nextId = 1;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), CHANNEL_OPTIONS);
    const { path, requestSerialize, responseDeserialize } = driveServiceDefinition.drive;
    this.stream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.stream.on("data", (bytes: Buffer) => this.onAnswer(decodeAnswer(bytes)));
    this.stream.on("error", (error: Error) => {
      this.broken = true;
      this.onBroken(error);
    });
  }

  /** Writes `count` values, or reads with none, and waits for the answer. One call at a time. */
  async ask(count: number, timeoutMs: number): Promise<DriveAnswer> {
    const firstId = this.#nextId;
    this.#nextId += 1;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<DriveAnswer>((resolve, reject) => {
        this.onAnswer = (answer) => {
          if (answer.firstId === firstId) resolve(answer);
        };
        this.onBroken = reject;
        timer = setTimeout(() => reject(new Error("no answer in time")), Math.max(1, timeoutMs));
        this.stream.write(encodeRequest(firstId, count, VALUE));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.onBroken = () => {};
    this.stream.cancel();
    this.#client.close();
  }
}

const VALUE = makeValue();

class StreamDriver implements Driver {
  readonly #member: MemberClient;
  #nextId = 1;

  constructor(member: MemberClient) {
    this.#member = member;
  }

  run(
    inFlight: number,
    endMs: number,
    acknowledged: (sentMs: number, count: number) => void,
  ): Promise<void> {
    const sent = new Map<number, number>();
    let free = inFlight;
    let flushing = false;
    const flush = (): void => {
      flushing = false;
      const nowMs = performance.now();
      if (nowMs >= endMs || free === 0) return;
      const firstId = this.#nextId;
      this.#nextId += free;
      sent.set(firstId, nowMs);
      this.#member.stream.write(encodeRequest(firstId, free, VALUE));
      free = 0;
    };
    return new Promise((resolve, reject) => {
      this.#member.onBroken = reject;
      this.#member.onAnswer = ({ firstId, count, outcome }) => {
        if (outcome !== OUTCOMES.committed) {
          reject(new LeaderChangedError("a write was not committed"));
          return;
        }
        acknowledged(sent.get(firstId) as number, count);
        sent.delete(firstId);
        free += count;
        if (free === inFlight && performance.now() >= endMs) resolve();
        if (flushing) return;
        flushing = true;
        queueMicrotask(flush);
      };
      // In pieces at first, so that batches form by themselves and not by the start.
      const piece = Math.max(1, Math.floor(inFlight / 8));
      for (let left = inFlight; left > 0; left -= piece) {
        free = Math.min(piece, left);
        flush();
      }
      free = 0;
    });
  }

  close(): void {
    this.#member.close();
  }
}
