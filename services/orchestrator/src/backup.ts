/**
 * Gives the whole state away, as of an index that includes everything acknowledged before.
 *
 * A read round fixes the index; the state is copied in one turn of the loop once that index is
 * applied here, and streamed at the caller's pace, who may not stand still for long: the copy is
 * kept as long, and only a few at a time. Any replica that knows a leader can do it. Changes
 * nothing.
 */
import { createHash } from "node:crypto";
import type { ReplicatedState } from "@atoll/control";
import type { BackupRequest, BackupResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReadOutcome, ReplicaDriver } from "@atoll/raft-replica";
import { written } from "@atoll/service-kit";
import { type ServerWritableStream, status as GrpcStatus } from "@grpc/grpc-js";
import { refusal } from "./refusal.ts";
import { VERSION } from "./version.ts";

const CHUNK_BYTES_MAX = 1_048_576;
const READ_MS_MAX = 5_000;
/** Each holds a copy of the state in memory. */
const UNDER_WAY_MAX = 2;

type BackupCall = ServerWritableStream<BackupRequest, BackupResponse>;

export interface BackupParts {
  readonly datacenter: string;
  readonly groupId: string;
  readonly state: ReplicatedState;
  readonly replica: Pick<ReplicaDriver, "readIndex" | "status">;
  /** Milliseconds since 1970. */
  readonly realtimeMs: () => number;
}

/** Handles the calls of `OrchestratorService.Backup`. */
export class Backups {
  readonly #parts: BackupParts;
  #underWay = 0;

  constructor(parts: BackupParts) {
    this.#parts = parts;
  }

  /** Never throws. */
  serve(call: BackupCall): void {
    call.on("error", () => {});
    if (this.#underWay >= UNDER_WAY_MAX) {
      const details = `${UNDER_WAY_MAX} backups are under way at this replica: wait for one to end`;
      call.emit("error", refusal(details, GrpcStatus.RESOURCE_EXHAUSTED));
      return;
    }
    this.#underWay += 1;
    streamState(call, this.#parts)
      .finally(() => {
        this.#underWay -= 1;
      })
      .then(
        () => call.end(),
        (error: unknown) => call.emit("error", error),
      );
  }
}

async function streamState(call: BackupCall, parts: BackupParts): Promise<void> {
  const { replica, state, datacenter, groupId, realtimeMs } = parts;
  const outcome = await readIndex(replica);
  if (outcome.type !== "ready") {
    const details = `the end of the log is not known: ${outcome.reason}`;
    throw refusal(details, GrpcStatus.UNAVAILABLE);
  }
  // From here to the copy nothing may wait: index, term and state are of one moment.
  const { term, membership } = replica.status();
  const index = state.appliedIndex;
  const chunks = state.snapshotInSlices();
  const position = { datacenter, groupId, index, term, voters: membership.voters };
  const value = {
    ...position,
    learners: [...membership.learners, ...membership.learnersNext],
    realtimeMs: realtimeMs(),
    version: VERSION,
  };
  if (!(await written(call, { content: { $case: "position", value } }))) return;
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for (const chunk of pieces(chunks)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    const response = { content: { $case: "chunk", value: Buffer.from(chunk) } } as const;
    if (!(await written(call, response))) return;
  }
  const end = { sizeBytes, stateHash: hash.digest() };
  await written(call, { content: { $case: "end", value: end } });
}

function readIndex(replica: Pick<ReplicaDriver, "readIndex">): Promise<ReadOutcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ type: "refused", reason: "noLeader", leader: 0 }),
      READ_MS_MAX,
    );
    replica.readIndex((outcome) => {
      clearTimeout(timer);
      resolve(outcome);
    });
  });
}

function* pieces(chunks: Iterable<Uint8Array>): Iterable<Uint8Array> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES_MAX) {
      yield chunk.subarray(at, at + CHUNK_BYTES_MAX);
    }
  }
}
