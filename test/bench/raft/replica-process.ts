/**
 * One replica of the benchmark: Raft, its log on disk, its transport, and a state machine that only
 * counts.
 *
 * A process of its own, as in production. The only argument is its configuration as JSON. Prints
 * one JSON line when it listens and one at each change of leadership. Ends with the first failure.
 */
import { credentials, Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { GrpcPeerTransport, raftServiceDefinition } from "@atoll/raft-grpc";
import { LevelLogStore } from "@atoll/raft-level";
import { Replica, type StateMachine } from "@atoll/raft-replica";
import { Prng } from "@atoll/stdx";
import type { RaftSettings } from "raft-ts";
import { decodeRequest, driveServiceDefinition, encodeAnswer, OUTCOMES } from "./drive-wire.ts";

export interface ReplicaProcessConfig {
  readonly id: number;
  readonly folder: string;
  /** Ports of all replicas by id, the own one included. */
  readonly ports: Readonly<Record<string, number>>;
  /** What differs from Raft's default settings. */
  readonly raft: Partial<RaftSettings>;
}

const TICK_MS = 10;
/** A longer gap between two ticks is a stall: other replicas may have elected meanwhile. */
const STALL_MS = 150;

async function main(config: ReplicaProcessConfig): Promise<void> {
  const { id, folder, ports } = config;
  const ids = Object.keys(ports).map(Number);
  const { store, recovered } = await LevelLogStore.open({
    folder,
    identity: { groupId: "bench", replicaId: id },
    founding: { voters: ids, outgoing: [], learners: [], learnersNext: [], autoLeave: false },
  });
  const others = ids.filter((other) => other !== id);
  const prng = new Prng(Number(process.hrtime.bigint() % 1_000_000_007n) + id);
  const transport = new GrpcPeerTransport({
    self: id,
    groupId: "bench",
    peers: new Map(others.map((other) => [other, `127.0.0.1:${ports[String(other)]}`])),
    credentials: credentials.createInsecure(),
    onMessages: (messages) => replica.receive(messages),
    onPeerLost: (peer) => replica.peerLost(peer),
    clock: { monotonicMs: () => performance.now(), realtimeMs: () => Date.now() },
    prng: prng.child("transport"),
    log: () => {},
  });
  const replica: Replica = new Replica({
    id,
    recovered,
    store,
    transport,
    stateMachine: countingStateMachine(),
    observer: {
      leadershipChanged: (change) => print({ type: "leadership", ...change }),
      failed: (error) => {
        throw error;
      },
    },
    prng: prng.child("replica"),
    settings: { raft: config.raft },
  });
  const server = new Server();
  server.addService(raftServiceDefinition, transport.handlers());
  server.addService(driveServiceDefinition, {
    drive: (stream: ServerDuplexStream<Buffer, Buffer>) => drive(replica, stream),
  });
  await listen(server, ports[String(id)] as number);
  transport.start();
  startTicks(replica);
  process.once("SIGTERM", () => {
    replica.stop();
    transport[Symbol.asyncDispose]()
      .then(() => store[Symbol.asyncDispose]())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  });
  print({ type: "listening" });
}

function drive(replica: Replica, stream: ServerDuplexStream<Buffer, Buffer>): void {
  stream.on("error", () => {});
  stream.on("end", () => stream.end());
  stream.on("data", (request: Buffer) => {
    const { firstId, values } = decodeRequest(request);
    replica.propose(values, (outcome) => {
      const leader = outcome.type === "committed" ? 0 : outcome.leader;
      const answer = { firstId, count: values.length, outcome: OUTCOMES[outcome.type], leader };
      stream.write(encodeAnswer(answer));
    });
  });
}

function startTicks(replica: Replica): void {
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (now - last > STALL_MS) replica.stalled();
    last = now;
    replica.tick();
  }, TICK_MS);
}

function countingStateMachine(): StateMachine {
  let count = 0;
  return {
    apply: (entries) => {
      count += entries.length;
    },
    snapshot: () => [new Uint8Array(new Float64Array([count]).buffer)],
    restore: (_metadata, chunks) => {
      const [bytes] = chunks;
      count =
        bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main(JSON.parse(process.argv[2] as string) as ReplicaProcessConfig);
