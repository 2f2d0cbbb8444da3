/**
 * One replica of a register service: Raft, its log on disk, its transport, and some registers.
 *
 * A process of its own, so that it can be killed and stopped. The only argument is its
 * configuration as JSON. Ends with the first failure. Started by the cluster of this folder.
 */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { GrpcPeerTransport, raftServiceDefinition } from "@atoll/raft-grpc";
import { LevelLogStore } from "@atoll/raft-level";
import { Replica } from "@atoll/raft-replica";
import { DigestStateMachine, encodeCommand } from "@atoll/sim";
import { Prng } from "@atoll/stdx";
import { SlowStore } from "./slow-store.ts";
import type { Answer, News, ReplicaProcessConfig, Request } from "./wire.ts";
import { lineReader } from "./wire.ts";

const GROUP = "linearizability";
const TICK_MS = 10;
/** A longer gap between two ticks is a stall: other replicas may have elected meanwhile. */
const STALL_MS = 150;
const COMMAND_BYTES = 64;
const SNAPSHOT_BYTES_MAX = 100_000;

interface Service {
  readonly replica: Replica;
  readonly registers: DigestStateMachine;
  readonly store: SlowStore;
}

async function main(config: ReplicaProcessConfig): Promise<void> {
  const { id, folder, peerPorts } = config;
  const peers = Object.keys(peerPorts).map(Number);
  const voters = [...peers, id].toSorted((left, right) => left - right);
  const { store, recovered } = await LevelLogStore.open({
    folder,
    identity: { groupId: GROUP, replicaId: id },
    founding: { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false },
  });
  const slowStore = new SlowStore(store);
  const prng = new Prng(Number(process.hrtime.bigint() % 1_000_000_007n) + id);
  const transport = new GrpcPeerTransport({
    self: id,
    groupId: GROUP,
    peers: new Map(peers.map((peer) => [peer, `127.0.0.1:${peerPorts[String(peer)]}`])),
    credentials: credentials.createInsecure(),
    onMessages: (messages) => replica.receive(messages),
    onPeerLost: (peer) => replica.peerLost(peer),
    clock: { monotonicMs: () => performance.now(), realtimeMs: () => Date.now() },
    prng: prng.child("transport"),
    log: () => {},
  });
  const registers = new DigestStateMachine(SNAPSHOT_BYTES_MAX, {
    applied: () => {},
    restored: () => {},
  });
  const replica: Replica = new Replica({
    id,
    recovered,
    store: slowStore,
    transport,
    stateMachine: registers,
    observer: {
      leadershipChanged: ({ term, leading }) => tell({ type: "leadership", term, leading }),
      failed: (error) => {
        tell({ type: "failed", reason: error.message });
        process.exit(1);
      },
    },
    prng: prng.child("replica"),
    settings: {
      // So small that a replica that was away needs a snapshot.
      snapshotEveryEntries: 300,
      retainEntries: 100,
      raft: { tailBytesMax: 20_000, snapshotChunkBytes: 16_384 },
    },
  });
  const server = new Server();
  server.addService(raftServiceDefinition, transport.handlers());
  await listen(server, config.raftPort);
  transport.start();
  startTicks(replica);
  const service = { replica, registers, store: slowStore };
  const clients = createServer((socket) => serve(service, socket));
  clients.listen(0, "127.0.0.1", () => {
    tell({ type: "listening", clientPort: (clients.address() as AddressInfo).port });
  });
}

function serve(service: Service, socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  const reply = (answer: Answer): void => {
    socket.write(`${JSON.stringify(answer)}\n`);
  };
  socket.on(
    "data",
    lineReader((line) => handle(service, JSON.parse(line) as Request, reply)),
  );
}

function handle(service: Service, request: Request, reply: (answer: Answer) => void): void {
  const { replica, registers, store } = service;
  const { id } = request;
  if (request.kind === "disk") {
    store.delayMs = request.delayMs;
    return;
  }
  if (request.kind === "state") {
    const { appliedIndex, digest } = registers;
    reply({ id, type: "state", appliedIndex, digest });
    return;
  }
  if (request.kind === "read") {
    const { key } = request;
    replica.readIndex((outcome) => {
      if (outcome.type === "ready") reply({ id, type: "read", value: registers.read(key) ?? 0 });
      else reply({ id, type: "refused", leader: outcome.leader });
    });
    return;
  }
  const { payload } = request;
  replica.propose([encodeCommand(request, COMMAND_BYTES)], (outcome) => {
    if (outcome.type !== "committed") reply({ id, type: outcome.type, leader: outcome.leader });
    else reply({ id, type: registers.hasFailed(payload) ? "failed" : "ok" });
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

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function tell(news: News): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

await main(JSON.parse(process.argv[2] as string) as ReplicaProcessConfig);
