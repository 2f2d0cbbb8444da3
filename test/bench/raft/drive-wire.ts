/**
 * What the benchmark's client and a replica say to each other: batches of values, and what became
 * of them.
 *
 *     request   first id (8), count (4), then per value: length (4), bytes
 *     answer    first id (8), count (4), outcome (1), leader (4), position (8)
 *
 * A request without a value is a linearizable read. The position is that of the last value written,
 * or of the state that was read. Little-endian. One bidirectional stream of gRPC; one answer per
 * request.
 */
import type { MethodDefinition } from "@grpc/grpc-js";

export const OUTCOMES = { committed: 0, refused: 1, unknown: 2 } as const;

export interface DriveAnswer {
  readonly firstId: number;
  readonly count: number;
  readonly outcome: number;
  readonly leader: number;
  /** 0 unless committed. */
  readonly position: number;
}

const ANSWER_BYTES = 25;

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

export const driveServiceDefinition: { readonly drive: MethodDefinition<Buffer, Buffer> } = {
  drive: {
    path: "/atoll.bench.v1.RaftBenchService/Drive",
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

export function encodeRequest(firstId: number, count: number, value: Uint8Array): Buffer {
  const request = Buffer.allocUnsafe(12 + count * (4 + value.length));
  request.writeDoubleLE(firstId, 0);
  request.writeUInt32LE(count, 8);
  for (let at = 12; at < request.length; at += 4 + value.length) {
    request.writeUInt32LE(value.length, at);
    request.set(value, at + 4);
  }
  return request;
}

export function decodeRequest(request: Buffer): { firstId: number; values: Uint8Array[] } {
  const values: Uint8Array[] = [];
  for (let at = 12; at < request.length;) {
    const end = at + 4 + request.readUInt32LE(at);
    values.push(request.subarray(at + 4, end));
    at = end;
  }
  return { firstId: request.readDoubleLE(0), values };
}

export function encodeAnswer(answer: DriveAnswer): Buffer {
  const bytes = Buffer.allocUnsafe(ANSWER_BYTES);
  bytes.writeDoubleLE(answer.firstId, 0);
  bytes.writeUInt32LE(answer.count, 8);
  bytes.writeUInt8(answer.outcome, 12);
  bytes.writeUInt32LE(answer.leader, 13);
  bytes.writeDoubleLE(answer.position, 17);
  return bytes;
}

export function decodeAnswer(bytes: Buffer): DriveAnswer {
  return {
    firstId: bytes.readDoubleLE(0),
    count: bytes.readUInt32LE(8),
    outcome: bytes.readUInt8(12),
    leader: bytes.readUInt32LE(13),
    position: bytes.readDoubleLE(17),
  };
}
