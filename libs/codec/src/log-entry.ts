/**
 * The content of one Raft entry as bytes.
 *
 * Encoded once by the leader, decoded by every replica and mirror. What is in the log is taken as
 * it is: it was checked when it was decided.
 */
import type { LogEntry } from "@atoll/domain";
import { LogEntry as ProtoLogEntry } from "@atoll/proto/atoll/log/v1/log";
import { DecodeError, required } from "./decode-error.ts";
import { decodeOwn } from "./decoded.ts";
import { fromProtoEvent, toProtoEvent } from "./event.ts";

export function encodeLogEntry(entry: LogEntry): Uint8Array {
  return ProtoLogEntry.encode({
    stampMs: entry.stampMs,
    ...(entry.stream === undefined ? {} : { stream: entry.stream }),
    events: entry.events.map(({ event, actor }) => ({ event: toProtoEvent(event), actor })),
  }).finish();
}

/**
 * Throws {@link DecodeError} on bytes that are not an entry, or that hold what only a later release
 * knows.
 */
export function decodeLogEntry(bytes: Uint8Array): LogEntry {
  return decodeOwn("a log entry", () => {
    const { stampMs, stream, events } = ProtoLogEntry.decode(bytes);
    // Protobuf takes many foreign bytes for a message with nothing in it.
    if (stampMs === 0 && events.length === 0) throw new DecodeError("it is empty");
    return {
      stampMs,
      ...(stream === undefined
        ? {}
        : { stream: { created: stream.created, sequence: stream.sequence } }),
      events: events.map(({ event, actor }) => ({
        event: fromProtoEvent(required(event, "event")),
        actor,
      })),
    };
  });
}
