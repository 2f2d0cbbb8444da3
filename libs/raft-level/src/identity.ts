/**
 * Whose log a folder holds.
 *
 * A replica that votes with another replica's log breaks its promises, so the identity is written
 * once, when the log is founded, and compared at each start and in each record.
 */
import { hash } from "node:crypto";
import { crc32c } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import { LogDamagedError } from "./errors.ts";

/** The layout of everything in the folder; a release that changes it counts up. */
export const FORMAT_VERSION = 3;

export interface LogIdentity {
  /** The Raft group: 1 to 128 characters, the same on all of its replicas, never used again. */
  readonly groupId: string;
  readonly replicaId: ReplicaId;
}

/** Sixteen bytes that stand for an identity inside records and the marker. */
export function identityDigest(identity: LogIdentity): Uint8Array {
  const text = `atoll raft log ${FORMAT_VERSION}\n${identity.groupId}\n${identity.replicaId}`;
  return hash("sha256", text, "buffer").subarray(0, 16);
}

/** Small records: JSON after its CRC32C. */
export function encodeChecked(value: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(value), "utf8");
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32LE(crc32c(text), 0);
  text.copy(bytes, 4);
  return bytes;
}

/** The value in a small record. @throws LogDamagedError that names `record`. */
export function decodeChecked(bytes: Uint8Array, record: string): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 4 || buffer.readUInt32LE(0) !== crc32c(buffer, 0, 4)) {
    throw new LogDamagedError(record, "its checksum does not match");
  }
  try {
    return JSON.parse(buffer.toString("utf8", 4));
  } catch (cause) {
    throw new LogDamagedError(record, "it is not readable", { cause });
  }
}

/** The identity record. @throws LogDamagedError when the bytes are none. */
export function decodeIdentity(bytes: Uint8Array): LogIdentity & { readonly format: number } {
  const found = decodeChecked(bytes, "the identity") as LogIdentity & { readonly format: number };
  const { format, groupId, replicaId } = found;
  if (Number.isSafeInteger(format) && typeof groupId === "string") {
    if (Number.isSafeInteger(replicaId)) return found;
  }
  throw new LogDamagedError("the identity", "another record is in its place");
}
