/**
 * The gRPC service between replicas, as grpc-js wants it: bytes in, bytes out.
 *
 * The receiver of messages opens the stream and the sender answers with frames. That way round
 * because grpc-js lets a client widen its flow-control window and a server not: with the standard
 * 64 KiB a frame of entries would need several turns of both event loops. Who talks to whom, in
 * which group, stands in the metadata of the call, and the answer's metadata confirm it. The wire
 * is described in `proto/raft/v1/raft.proto`; nothing on it names the product that is built on it.
 */
import { Metadata, type MethodDefinition } from "@grpc/grpc-js";
import type { ReplicaId } from "raft-ts";
import { PROTOCOL_VERSION } from "./frame-layout.ts";

const GROUP_KEY = "raft-group-bin";
const FROM_KEY = "raft-receiver";
const TO_KEY = "raft-sender";
const PROTOCOL_KEY = "raft-protocol";

/** Who opens a stream, to whom. */
export interface Hello {
  readonly groupId: string;
  /** Who wants to receive, and opens the stream. */
  readonly receiver: ReplicaId;
  /** Whose messages it wants. */
  readonly sender: ReplicaId;
  readonly protocol: number;
}

export const raftServiceDefinition: {
  readonly receive: MethodDefinition<Uint8Array, Uint8Array>;
} = {
  receive: {
    path: "/raft.v1.RaftService/Receive",
    requestStream: false,
    responseStream: true,
    requestSerialize: asBuffer,
    requestDeserialize: asBuffer,
    responseSerialize: asBuffer,
    responseDeserialize: asBuffer,
  },
};

export function helloMetadata(hello: Omit<Hello, "protocol">): Metadata {
  const metadata = new Metadata();
  metadata.set(GROUP_KEY, Buffer.from(hello.groupId, "utf8"));
  metadata.set(FROM_KEY, String(hello.receiver));
  metadata.set(TO_KEY, String(hello.sender));
  metadata.set(PROTOCOL_KEY, String(PROTOCOL_VERSION));
  return metadata;
}

/** What `metadata` say, or undefined when they say nothing that makes sense. */
export function readHello(metadata: Metadata): Hello | undefined {
  const [group] = metadata.get(GROUP_KEY);
  const [receiver, sender, protocol] = [FROM_KEY, TO_KEY, PROTOCOL_KEY].map((key) =>
    readCounter(metadata.get(key)[0]),
  );
  if (!Buffer.isBuffer(group) || group.length > 512) return undefined;
  if (receiver === undefined || sender === undefined || protocol === undefined) return undefined;
  return { groupId: group.toString("utf8"), receiver, sender, protocol };
}

function readCounter(value: string | Buffer | undefined): number | undefined {
  if (typeof value !== "string" || !/^[0-9]{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
