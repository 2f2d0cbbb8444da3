/**
 * Three members of etcd on loopback, to measure beside: as Debian ships it, with its defaults.
 *
 * Talks to it through grpc-js as any client in this language would; the few messages that are
 * needed are put together by hand. Field numbers are those of etcd's API version 3.
 */
import { execFileSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { makeValue, MEMBERS, type Cluster, type Driver } from "./cluster.ts";
import { end, freePorts, kill, start, until } from "../../support/processes.ts";

const KEYS = 10_000;
const VALUE = makeValue();

/** etcd's version when it is installed. */
export function etcdVersion(): string | undefined {
  try {
    const text = execFileSync("etcd", ["--version"], { encoding: "utf8" });
    return /etcd Version: (\S+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

export class EtcdCluster implements Cluster {
  readonly name = "etcd";
  readonly #folder: string;
  readonly #children = new Map<number, ChildProcess>();
  readonly #clients = new Map<number, Client>();
  #ports: readonly number[] = [];
  #nextKey = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(folder: string): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(folder);
    cluster.#ports = await freePorts(2 * MEMBERS);
    for (let id = 1; id <= MEMBERS; id += 1) cluster.#spawn(id);
    await cluster.healthy();
    return cluster;
  }

  async driver(): Promise<Driver> {
    const client = this.#connect(await this.leader());
    return {
      run: (inFlight, endMs, acknowledged) => this.#runPuts(client, inFlight, endMs, acknowledged),
      close: () => client.close(),
    };
  }

  leader(): Promise<number> {
    return until("a leader", async () => {
      const told = await Promise.all(
        [...this.#children.keys()].map((id) => this.#status(id).catch(() => undefined)),
      );
      const known = told.filter((status) => status !== undefined);
      const newest = known.toSorted((one, other) => other.term - one.term)[0];
      return known.find((status) => status.memberId === newest?.leader)?.id;
    });
  }

  async writeAvoiding(avoided: number, tried: number, timeoutMs: number): Promise<number> {
    const others = [...this.#children.keys()].filter((id) => id !== avoided);
    return this.#put(this.#client(others[tried % others.length] as number), timeoutMs);
  }

  async readAt(member: number, timeoutMs: number): Promise<number> {
    const key = Buffer.from("bench/00000");
    const request = Buffer.concat([Buffer.of(0x0a, key.length), key]);
    return revisionOf(
      await call(this.#client(member), "/etcdserverpb.KV/Range", request, timeoutMs),
    );
  }

  async signal(member: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    (this.#children.get(member) as ChildProcess).kill(signal);
  }

  async restart(member: number): Promise<void> {
    await kill(this.#children.get(member) as ChildProcess);
    this.#clients.get(member)?.close();
    this.#clients.delete(member);
    this.#spawn(member);
  }

  async healthy(): Promise<void> {
    await until("all members know one leader", async () => {
      const told = await Promise.all(
        [...this.#children.keys()].map((id) => this.#status(id).catch(() => undefined)),
      );
      const leaders = new Set(told.map((status) => status?.leader));
      return leaders.size === 1 && (told[0]?.leader ?? 0n) !== 0n ? true : undefined;
    });
    for (const id of this.#children.keys()) await this.#put(this.#client(id), 5000);
  }

  pids(): readonly number[] {
    return [...this.#children.values()].map(({ pid }) => pid as number);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    for (const child of this.#children.values()) await end(child);
  }

  #runPuts(
    client: Client,
    inFlight: number,
    endMs: number,
    acknowledged: (sentMs: number, count: number) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let underWay = 0;
      const one = (): void => {
        const sentMs = performance.now();
        underWay += 1;
        this.#put(client, 30_000).then(() => {
          underWay -= 1;
          acknowledged(sentMs, 1);
          if (performance.now() < endMs) one();
          else if (underWay === 0) resolve();
        }, reject);
      };
      for (let count = 0; count < inFlight; count += 1) one();
    });
  }

  /** @returns etcd's revision, which every write raises. */
  #put(client: Client, timeoutMs: number): Promise<number> {
    this.#nextKey = (this.#nextKey + 1) % KEYS;
    const key = Buffer.from(`bench/${String(this.#nextKey).padStart(5, "0")}`);
    const request = Buffer.concat([
      Buffer.of(0x0a, key.length),
      key,
      Buffer.of(0x12, (VALUE.length & 0x7f) | 0x80, VALUE.length >> 7),
      VALUE,
    ]);
    return call(client, "/etcdserverpb.KV/Put", request, timeoutMs).then(revisionOf);
  }

  async #status(id: number): Promise<MemberStatus> {
    const bytes = await call(
      this.#client(id),
      "/etcdserverpb.Maintenance/Status",
      Buffer.alloc(0),
      1000,
    );
    const fields = readFields(bytes);
    const header = readFields(fields.bytes.get(1) ?? Buffer.alloc(0));
    return {
      id,
      memberId: header.numbers.get(2) ?? 0n,
      leader: fields.numbers.get(4) ?? 0n,
      term: Number(header.numbers.get(4) ?? 0n),
    };
  }

  #client(id: number): Client {
    let client = this.#clients.get(id);
    if (client === undefined) {
      client = this.#connect(id);
      this.#clients.set(id, client);
    }
    return client;
  }

  #connect(id: number): Client {
    const address = `127.0.0.1:${this.#ports[id - 1]}`;
    return new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 10,
      "grpc.max_reconnect_backoff_ms": 50,
    });
  }

  #spawn(id: number): void {
    const url = (port: number | undefined): string => `http://127.0.0.1:${port}`;
    const peerUrl = (member: number): string => url(this.#ports[MEMBERS + member - 1]);
    const clientUrl = url(this.#ports[id - 1]);
    const members = Array.from({ length: MEMBERS }, (_, at) => `n${at + 1}=${peerUrl(at + 1)}`);
    const options: Record<string, string> = {
      name: `n${id}`,
      "data-dir": join(this.#folder, `etcd-${id}`),
      logger: "zap",
      "log-level": "error",
      "log-outputs": join(this.#folder, `etcd-${id}.log`),
      "listen-client-urls": clientUrl,
      "advertise-client-urls": clientUrl,
      "listen-peer-urls": peerUrl(id),
      "initial-advertise-peer-urls": peerUrl(id),
      "initial-cluster": members.join(","),
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    this.#children.set(id, start("etcd", args));
  }
}

interface MemberStatus {
  readonly id: number;
  readonly memberId: bigint;
  readonly leader: bigint;
  readonly term: number;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function call(client: Client, path: string, request: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + timeoutMs;
    client.makeUnaryRequest(path, asIs, asIs, request, { deadline }, (error, answer) =>
      answer === undefined ? reject(error as Error) : resolve(answer),
    );
  });
}

/** The revision in the header of an answer. */
function revisionOf(answer: Buffer): number {
  const header = readFields(readFields(answer).bytes.get(1) ?? Buffer.alloc(0));
  return Number(header.numbers.get(3) ?? 0n);
}

/** The last value of each field of a protobuf message, without nesting. */
function readFields(message: Buffer): {
  numbers: Map<number, bigint>;
  bytes: Map<number, Buffer>;
} {
  const numbers = new Map<number, bigint>();
  const bytes = new Map<number, Buffer>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    if ((tag & 7) === 0) {
      numbers.set(tag >> 3, varint());
    } else {
      const length = Number(varint());
      bytes.set(tag >> 3, message.subarray(at, at + length));
      at += length;
    }
  }
  return { numbers, bytes };
}
