/**
 * One replica of a register service: Raft, its log on disk, its transport, and some registers.
 *
 * A process of its own, so that it can be killed and stopped. The only argument is its
 * configuration as JSON. Answers a damaged log as a service does, and ends with any other failure.
 * Started by the cluster of this folder.
 */
import { flushCompileCache } from "node:module";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { LogLostError } from "@atoll/raft-replica";
import { DigestStateMachine, encodeCommand } from "@atoll/sim";
import { openReplica, type RaftProcess } from "../support/raft-process.ts";
import { type Disk, SlowStore } from "./slow-store.ts";
import type { Answer, News, ReplicaProcessConfig, Request } from "./wire.ts";
import { EXIT_LOST, lineReader } from "./wire.ts";

const GROUP = "linearizability";
const COMMAND_BYTES = 64;
const SNAPSHOT_BYTES_MAX = 100_000;

interface Service {
  readonly replica: RaftProcess["replica"];
  readonly registers: DigestStateMachine;
  readonly disk: Disk;
}

async function main(config: ReplicaProcessConfig): Promise<void> {
  const { id, folder, raftPort } = config;
  const disk = { delayMs: 0 };
  const registers = new DigestStateMachine(SNAPSHOT_BYTES_MAX, {
    applied: () => {},
    restored: () => {},
  });
  const { replica, start, standing, reason } = await openReplica({
    id,
    groupId: GROUP,
    folder,
    port: raftPort,
    peerPorts: new Map(Object.entries(config.peerPorts).map(([peer, at]) => [Number(peer), at])),
    wrapStore: (store) => new SlowStore(store, disk),
    stateMachine: registers,
    observer: {
      leadershipChanged: ({ term, leading }) => tell({ type: "leadership", term, leading }),
      failed: (error) => {
        tell({ type: "failed", reason: error.message });
        process.exit(error instanceof LogLostError ? EXIT_LOST : 1);
      },
    },
    settings: {
      // So small that a replica that was away needs a snapshot.
      snapshotEveryEntries: 300,
      retainEntries: 100,
      raft: { tailBytesMax: 20_000, snapshotChunkBytes: 16_384 },
    },
  });
  tell({ type: "opened", whole: standing === "whole" || standing === "founded", reason });
  await start();
  const service = { replica, registers, disk };
  const clients = createServer((socket) => serve(service, socket));
  clients.listen(0, "127.0.0.1", () => {
    tell({ type: "listening", clientPort: (clients.address() as AddressInfo).port });
    // By itself this would be kept at an orderly end, which most replicas never come to.
    flushCompileCache();
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
  const { replica, registers, disk } = service;
  const { id } = request;
  if (request.kind === "disk") {
    disk.delayMs = request.delayMs;
    return;
  }
  if (request.kind === "state") {
    const { recovery, firstIndex, lastIndex } = replica.status();
    const { appliedIndex, digest } = registers;
    const whole = recovery === undefined;
    reply({ id, type: "state", whole, firstIndex, lastIndex, appliedIndex, digest });
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

function tell(news: News): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

await main(JSON.parse(process.argv[2] as string) as ReplicaProcessConfig);
