/**
 * One replica of the benchmark: Raft, its log on disk, its transport, and a state that is nothing
 * but its position in the log.
 *
 * A process of its own, as in production. The only argument is its configuration as JSON. Prints
 * one JSON line when it listens and one at each change of leadership. Ends with the first failure.
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Replica, ReplicaSettings, StateMachine, StateRestore } from "@atoll/raft-replica";
import { openReplica } from "../../support/raft-process.ts";
import { decodeRequest, driveServiceDefinition, encodeAnswer, OUTCOMES } from "./drive-wire.ts";

export interface ReplicaProcessConfig {
  readonly id: number;
  readonly folder: string;
  /** Ports of all replicas by id, the own one included. */
  readonly ports: Readonly<Record<string, number>>;
  /** What differs from the default settings. */
  readonly settings: Partial<ReplicaSettings>;
}

async function main(config: ReplicaProcessConfig): Promise<void> {
  const { id, folder, ports, settings } = config;
  const state = new PositionState();
  const others = Object.entries(ports).filter(([other]) => Number(other) !== id);
  const opened = await openReplica({
    id,
    groupId: "bench",
    folder,
    port: ports[String(id)] as number,
    peerPorts: new Map(others.map(([other, port]) => [Number(other), port])),
    stateMachine: state,
    observer: {
      leadershipChanged: (change) => print({ type: "leadership", ...change }),
      failed: (error) => {
        throw error;
      },
    },
    settings,
  });
  opened.server.addService(driveServiceDefinition, {
    drive: (stream: ServerDuplexStream<Buffer, Buffer>) => drive(opened.replica, state, stream),
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

function drive(
  replica: Replica,
  state: PositionState,
  stream: ServerDuplexStream<Buffer, Buffer>,
): void {
  stream.on("error", () => {});
  stream.on("end", () => stream.end());
  stream.on("data", (request: Buffer) => {
    const { firstId, values } = decodeRequest(request);
    const count = values.length;
    const answer = (type: keyof typeof OUTCOMES, leader: number, position: number): void => {
      stream.write(encodeAnswer({ firstId, count, outcome: OUTCOMES[type], leader, position }));
    };
    if (count === 0) {
      replica.readIndex((outcome) => {
        if (outcome.type === "ready") answer("committed", 0, state.position);
        else answer("refused", outcome.leader, 0);
      });
      return;
    }
    replica.propose(values, (outcome) => {
      if (outcome.type === "committed") answer("committed", 0, outcome.lastIndex);
      else answer(outcome.type, outcome.leader, 0);
    });
  });
}

/** The index of the last entry applied. */
class PositionState implements StateMachine {
  position = 0;

  apply(entries: Parameters<StateMachine["apply"]>[0]): void {
    this.position = entries.at(-1)?.index ?? this.position;
  }

  snapshot(): Uint8Array[] {
    return [new Uint8Array(new Float64Array([this.position]).buffer)];
  }

  restore({ index }: Parameters<StateMachine["restore"]>[0]): StateRestore {
    return {
      take: () => undefined,
      finish: () => {
        this.position = index;
      },
    };
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main(JSON.parse(process.argv[2] as string) as ReplicaProcessConfig);
