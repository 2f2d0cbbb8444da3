/**
 * Reads messages out of frames that came over the wire.
 *
 * Whatever the bytes are, it returns: messages, or the reason why this is no frame. Lengths are
 * checked against what is there before anything is made of them. Data of entries are views into the
 * frame. See `frame-layout.ts`.
 */
import type { Entry, Membership, Message, ReplicaId } from "raft-ts";
import {
  COUNTER_BYTES,
  ENTRY_HEADER_BYTES,
  ENTRY_TYPES,
  FRAME_TAG,
  MESSAGE_HEADER_BYTES,
  RECOVERING_BIT,
} from "./frame-layout.ts";

/** Says that bytes are not a frame, without the cost of an exception. */
export interface BadFrame {
  readonly type: "badFrame";
  readonly reason: string;
}

/** The messages of a frame from `from` to `to`, or why it is none. Never throws. */
export function decodeFrame(
  frame: Uint8Array,
  from: ReplicaId,
  to: ReplicaId,
): readonly Message[] | BadFrame {
  const reader = new Reader(frame);
  if (frame.length === 0) return [];
  if (reader.byte() !== FRAME_TAG) return bad("it does not begin with the messages");
  const length = reader.varint();
  if (reader.failed || length !== reader.left)
    return bad(`${length} bytes of messages in ${reader.left}`);
  const messages: Message[] = [];
  while (reader.left > 0) {
    if (reader.left < MESSAGE_HEADER_BYTES) return bad("a message is cut off");
    const code = reader.byte();
    const end = reader.at + 4 + reader.uint32();
    if (end < reader.at + COUNTER_BYTES || end > frame.length) return bad("a length is wrong");
    reader.end = end;
    const envelope = { from, to, term: reader.counter() };
    const recovering = (code & RECOVERING_BIT) !== 0;
    const marked: Envelope = recovering ? { ...envelope, recovering } : envelope;
    const message = decodeBody(reader, code & ~RECOVERING_BIT, marked);
    if (message === undefined) return bad(`a message of unknown type ${code}`);
    if (reader.failed) return bad(`a ${message.type} is malformed`);
    if (reader.left !== 0) return bad(`a ${message.type} is too long`);
    messages.push(message);
    reader.end = frame.length;
  }
  return messages;
}

function bad(reason: string): BadFrame {
  return { type: "badFrame", reason };
}

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly recovering?: true;
}

function decodeBody(reader: Reader, code: number, envelope: Envelope): Message | undefined {
  switch (code) {
    case 1: {
      const [preVote, leaderTransfer] = reader.flags();
      return {
        type: "requestVote",
        ...envelope,
        preVote,
        leaderTransfer,
        lastLog: reader.position(),
        applied: reader.position(),
      };
    }
    case 2: {
      const [preVote, granted] = reader.flags();
      return {
        type: "requestVoteReply",
        ...envelope,
        preVote,
        granted,
        applied: reader.position(),
      };
    }
    case 3: {
      const previous = reader.position();
      const commitIndex = reader.counter();
      const entries = decodeEntries(reader, previous.index);
      return { type: "appendEntries", ...envelope, previous, entries, commitIndex };
    }
    case 4: {
      const [success] = reader.flags();
      const index = reader.counter();
      return { type: "appendEntriesReply", ...envelope, success, index, hint: reader.position() };
    }
    case 5: {
      const commitIndex = reader.counter();
      const [commitTerm, readRound] = [reader.counter(), reader.counter()];
      return { type: "heartbeat", ...envelope, commitIndex, commitTerm, readRound };
    }
    case 6: {
      const readRound = reader.counter();
      return { type: "heartbeatReply", ...envelope, readRound, commitIndex: reader.counter() };
    }
    case 7:
      return { type: "readIndexRequest", ...envelope, context: reader.counter() };
    case 8: {
      const context = reader.counter();
      return { type: "readIndexReply", ...envelope, context, index: reader.counter() };
    }
    case 9:
      return decodeInstallSnapshot(reader, envelope);
    case 10: {
      const snapshotIndex = reader.counter();
      const nextOffset = reader.counter();
      const [installed] = reader.flags();
      return { type: "installSnapshotReply", ...envelope, snapshotIndex, nextOffset, installed };
    }
    case 11:
      return { type: "timeoutNow", ...envelope };
    case 12:
      return { type: "termQuery", ...envelope, context: reader.counter() };
    case 13: {
      const context = reader.counter();
      return { type: "termReply", ...envelope, context, lastIndex: reader.counter() };
    }
    default:
      return undefined;
  }
}

function decodeEntries(reader: Reader, previousIndex: number): Entry[] {
  const count = reader.uint32();
  const entries: Entry[] = [];
  if (count * ENTRY_HEADER_BYTES > reader.left) reader.failed = true;
  for (let number = 1; number <= count && !reader.failed; number += 1) {
    const type = ENTRY_TYPES[reader.byte()];
    const length = reader.uint32();
    const term = reader.counter();
    const data = reader.bytes(length);
    if (type === undefined) reader.failed = true;
    else entries.push({ index: previousIndex + number, term, type, data });
  }
  if (!Number.isSafeInteger(previousIndex + count)) reader.failed = true;
  return entries;
}

function decodeInstallSnapshot(reader: Reader, envelope: Envelope): Message {
  const { index, term } = reader.position();
  const sizeBytes = reader.counter();
  const checksum = reader.uint32();
  const membership = decodeMembership(reader);
  const metadata = { index, term, membership, sizeBytes, checksum };
  const offset = reader.counter();
  const chunkChecksum = reader.uint32();
  const [last] = reader.flags();
  const chunk = reader.bytes(reader.left);
  return { type: "installSnapshot", ...envelope, metadata, offset, chunk, chunkChecksum, last };
}

function decodeMembership(reader: Reader): Membership {
  const [autoLeave] = reader.flags();
  const [voters, outgoing] = [reader.counters(), reader.counters()];
  const [learners, learnersNext] = [reader.counters(), reader.counters()];
  return { voters, outgoing, learners, learnersNext, autoLeave };
}

/** Reads forward up to `end`. Past it everything is zero and `failed` is set. */
class Reader {
  at = 0;
  end: number;
  failed = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    // A plain view: what is cut from it must be bytes and nothing more.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    return this.#take(1) ? (this.#bytes[this.at - 1] as number) : 0;
  }

  /** Two flags; any further bit is an error. */
  flags(): [boolean, boolean] {
    const value = this.byte();
    if (value > 3) this.failed = true;
    return [(value & 1) !== 0, (value & 2) !== 0];
  }

  uint16(): number {
    return this.#take(2) ? this.#view.getUint16(this.at - 2, true) : 0;
  }

  uint32(): number {
    return this.#take(4) ? this.#view.getUint32(this.at - 4, true) : 0;
  }

  counter(): number {
    if (!this.#take(COUNTER_BYTES)) return 0;
    const high = this.#view.getUint32(this.at - 4, true);
    if (high >= 2 ** 21) this.failed = true;
    return high * 2 ** 32 + this.#view.getUint32(this.at - 8, true);
  }

  position(): { readonly index: number; readonly term: number } {
    const index = this.counter();
    return { index, term: this.counter() };
  }

  counters(): number[] {
    const count = this.uint16();
    const values: number[] = [];
    for (let number = 0; number < count && !this.failed; number += 1) values.push(this.counter());
    return values;
  }

  bytes(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.subarray(this.at - length, this.at) : EMPTY;
  }

  /** A protobuf varint of at most 32 bits. */
  varint(): number {
    let value = 0;
    for (let place = 0; place < 5; place += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return -1;
  }

  #take(length: number): boolean {
    if (length > this.end - this.at) {
      this.failed = true;
      this.at = this.end;
      return false;
    }
    this.at += length;
    return true;
  }
}

const EMPTY = new Uint8Array();
