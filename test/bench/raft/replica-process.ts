/**
 * One replica of the benchmark: Raft, its log on disk, its transport, and a state machine that only
 * counts.
 *
 * A process of its own, as in production. The only argument is its configuration as JSON. Prints
 * one JSON line when it listens and one at each change of leadership. Ends with the first failure.
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Replica, StateMachine } from "@atoll/raft-replica";
import type { RaftSettings } from "raft-ts";
import { openReplica } from "../../support/raft-process.ts";
import { decodeRequest, driveServiceDefinition, encodeAnswer, OUTCOMES } from "./drive-wire.ts";

export interface ReplicaProcessConfig {
  readonly id: number;
  readonly folder: string;
  /** Ports of all replicas by id, the own one included. */
  readonly ports: Readonly<Record<string, number>>;
  /** What differs from Raft's default settings. */
  readonly raft: Partial<RaftSettings>;
}

async function main(config: ReplicaProcessConfig): Promise<void> {
  const { id, folder, ports, raft } = config;
  const others = Object.entries(ports).filter(([other]) => Number(other) !== id);
  const opened = await openReplica({
    id,
    groupId: "bench",
    folder,
    port: ports[String(id)] as number,
    peerPorts: new Map(others.map(([other, port]) => [Number(other), port])),
    stateMachine: countingStateMachine(),
    observer: {
      leadershipChanged: (change) => print({ type: "leadership", ...change }),
      failed: (error) => {
        throw error;
      },
    },
    settings: { raft },
  });
  opened.server.addService(driveServiceDefinition, {
    drive: (stream: ServerDuplexStream<Buffer, Buffer>) => drive(opened.replica, stream),
  });
  await opened.start();
  process.once("SIGTERM", () => {
    opened[Symbol.asyncDispose]().then(
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

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main(JSON.parse(process.argv[2] as string) as ReplicaProcessConfig);
