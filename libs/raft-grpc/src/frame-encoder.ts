/**
 * Writes messages into frames.
 *
 * Sizes are known before the first byte is written, so a frame is one allocation and one pass. A
 * run of entries that goes to several followers is encoded once and copied for the others. See
 * `frame-layout.ts`.
 */
import { assert, unreachable } from "@atoll/stdx";
import type { Entry, Membership, Message } from "raft-ts";
import {
  COUNTER_BYTES,
  ENTRY_HEADER_BYTES,
  ENTRY_TYPES,
  FRAME_TAG,
  MESSAGE_CODES,
  MESSAGE_HEADER_BYTES,
  RECOVERING_BIT,
} from "./frame-layout.ts";

/** Runs of entries shorter than this are not worth remembering. */
const REMEMBERED_BYTES_MIN = 1024;
/** As many runs as a leader has in flight to its followers at a time. */
const REMEMBERED_RUNS = 4;

interface EncodedRun {
  readonly first: Entry;
  readonly last: Entry;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** How many bytes `message` takes in a frame. */
export function messageBytes(message: Message): number {
  return MESSAGE_HEADER_BYTES + bodyBytes(message);
}

function bodyBytes(message: Message): number {
  switch (message.type) {
    case "requestVote":
      return 1 + 4 * COUNTER_BYTES;
    case "requestVoteReply":
      return 1 + 2 * COUNTER_BYTES;
    case "appendEntries":
      return 3 * COUNTER_BYTES + 4 + entriesBytes(message.entries);
    case "appendEntriesReply":
      return 1 + 3 * COUNTER_BYTES;
    case "heartbeat":
      return 3 * COUNTER_BYTES;
    case "readIndexReply":
    case "termReply":
    case "heartbeatReply":
      return 2 * COUNTER_BYTES;
    case "readIndexRequest":
    case "termQuery":
      return COUNTER_BYTES;
    case "installSnapshot":
      return (
        4 * COUNTER_BYTES + 9 + membershipBytes(message.metadata.membership) + message.chunk.length
      );
    case "installSnapshotReply":
      return 1 + 2 * COUNTER_BYTES;
    case "timeoutNow":
      return 0;
    default:
      return unreachable(message, "message");
  }
}

function entriesBytes(entries: readonly Entry[]): number {
  let bytes = entries.length * ENTRY_HEADER_BYTES;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

function membershipBytes(membership: Membership): number {
  const { voters, outgoing, learners, learnersNext } = membership;
  const ids = voters.length + outgoing.length + learners.length + learnersNext.length;
  return 1 + 4 * 2 + ids * COUNTER_BYTES;
}

export class FrameEncoder {
  #remembered: EncodedRun[] = [];

  /** One frame with `messages`, all to the same replica. */
  encode(messages: readonly Message[]): Buffer {
    let payload = 0;
    for (const message of messages) payload += messageBytes(message);
    const head = 1 + varintBytes(payload);
    const frame = Buffer.allocUnsafe(head + payload);
    frame[0] = FRAME_TAG;
    writeVarint(frame, 1, payload);
    const writer = new Writer(frame, head);
    for (const message of messages) {
      const mark = message.recovering === true ? RECOVERING_BIT : 0;
      writer.byte(MESSAGE_CODES[message.type] | mark);
      writer.uint32(messageBytes(message) - 5);
      writer.counter(message.term);
      this.#body(writer, message);
    }
    assert(writer.at === frame.length, "a frame of another size than foreseen");
    return frame;
  }

  /** Lets go of remembered runs; call once all followers have theirs. */
  forget(): void {
    if (this.#remembered.length > 0) this.#remembered = [];
  }

  #body(writer: Writer, message: Message): void {
    switch (message.type) {
      case "requestVote":
        writer.flags(message.preVote, message.leaderTransfer);
        writer.counters(message.lastLog.index, message.lastLog.term);
        return writer.counters(message.applied.index, message.applied.term);
      case "requestVoteReply":
        writer.flags(message.preVote, message.granted);
        return writer.counters(message.applied.index, message.applied.term);
      case "appendEntries":
        writer.counters(message.previous.index, message.previous.term, message.commitIndex);
        return this.#entries(writer, message.previous.index, message.entries);
      case "appendEntriesReply":
        writer.flags(message.success, false);
        return writer.counters(message.index, message.hint.index, message.hint.term);
      case "heartbeat":
        return writer.counters(message.commitIndex, message.commitTerm, message.readRound);
      case "heartbeatReply":
        return writer.counters(message.readRound, message.commitIndex);
      case "readIndexRequest":
      case "termQuery":
        return writer.counter(message.context);
      case "termReply":
        return writer.counters(message.context, message.lastIndex);
      case "readIndexReply":
        return writer.counters(message.context, message.index);
      case "installSnapshot":
        writer.counters(message.metadata.index, message.metadata.term, message.metadata.sizeBytes);
        writer.uint32(message.metadata.checksum);
        writeMembership(writer, message.metadata.membership);
        writer.counter(message.offset);
        writer.uint32(message.chunkChecksum);
        writer.flags(message.last, false);
        return writer.bytes(message.chunk);
      case "installSnapshotReply":
        writer.counters(message.snapshotIndex, message.nextOffset);
        return writer.flags(message.installed, false);
      case "timeoutNow":
        return undefined;
      default:
        return unreachable(message, "message");
    }
  }

  #entries(writer: Writer, previousIndex: number, entries: readonly Entry[]): void {
    writer.uint32(entries.length);
    const first = entries[0];
    if (first === undefined) return;
    const last = entries[entries.length - 1] as Entry;
    assert(first.index === previousIndex + 1, `entry ${first.index} after ${previousIndex}`);
    assert(last.index === previousIndex + entries.length, `entry ${last.index} leaves a gap`);
    // Entries never change, and two logs that share an entry share all before it (Raft §5.3).
    const known = this.#remembered.find(
      (run) => run.first === first && run.last === last && run.count === entries.length,
    );
    if (known !== undefined) return writer.bytes(known.bytes);
    const begin = writer.at;
    for (const entry of entries) writer.entry(entry);
    const bytes = writer.written(begin);
    if (bytes.length < REMEMBERED_BYTES_MIN) return;
    if (this.#remembered.length === REMEMBERED_RUNS) this.#remembered.shift();
    this.#remembered.push({ first, last, count: entries.length, bytes });
  }
}

function writeMembership(writer: Writer, membership: Membership): void {
  writer.flags(membership.autoLeave, false);
  const { voters, outgoing, learners, learnersNext } = membership;
  for (const ids of [voters, outgoing, learners, learnersNext]) {
    writer.uint16(ids.length);
    writer.counters(...ids);
  }
}

/** Writes forward into bytes that are known to suffice. */
class Writer {
  at: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  byte(value: number): void {
    this.#bytes[this.at] = value;
    this.at += 1;
  }

  flags(one: boolean, two: boolean): void {
    this.byte((one ? 1 : 0) | (two ? 2 : 0));
  }

  uint16(value: number): void {
    this.#view.setUint16(this.at, value, true);
    this.at += 2;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  counter(value: number): void {
    this.#view.setUint32(this.at, value >>> 0, true);
    this.#view.setUint32(this.at + 4, Math.floor(value / 2 ** 32), true);
    this.at += COUNTER_BYTES;
  }

  counters(...values: readonly number[]): void {
    for (const value of values) this.counter(value);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.at);
    this.at += value.length;
  }

  entry(entry: Entry): void {
    this.byte(ENTRY_TYPES.indexOf(entry.type));
    this.uint32(entry.data.length);
    this.counter(entry.term);
    this.bytes(entry.data);
  }

  written(from: number): Uint8Array {
    return this.#bytes.subarray(from, this.at);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left = Math.floor(left / 0x80)) bytes += 1;
  return bytes;
}

function writeVarint(target: Uint8Array, at: number, value: number): void {
  let left = value;
  let next = at;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) {
    target[next] = (left % 0x80) | 0x80;
    next += 1;
  }
  target[next] = left;
}
