/** Frames: what goes in comes out; whatever else comes in is refused without a throw. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Entry, Membership, Message } from "raft-ts";
import { decodeFrame } from "./frame-decoder.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { MESSAGE_CODES } from "./frame-layout.ts";

const TYPES = Object.keys(MESSAGE_CODES) as readonly Message["type"][];

function seedOf(context: TestContext): number {
  const seed = Number(process.env["SEED"] ?? process.hrtime.bigint() % 1_000_000_007n);
  context.diagnostic(`seed ${seed}`);
  return seed;
}

function counter(prng: Prng): number {
  const small = prng.below(1000);
  return prng.chance(1, 4) ? prng.below(2 ** 21 - 1) * 2 ** 32 + prng.nextUint32() : small;
}

function bytes(prng: Prng, most: number): Uint8Array {
  return Uint8Array.from({ length: prng.below(most) }, () => prng.below(256));
}

function entriesAfter(prng: Prng, index: number): Entry[] {
  return Array.from({ length: prng.below(20) }, (_, at) => ({
    index: index + 1 + at,
    term: counter(prng),
    type: prng.pick(["data", "noop", "membership"] as const),
    data: bytes(prng, 200),
  }));
}

function membership(prng: Prng): Membership {
  const ids = (): number[] => Array.from({ length: prng.below(4) }, () => counter(prng));
  return {
    voters: ids(),
    outgoing: ids(),
    learners: ids(),
    learnersNext: ids(),
    autoLeave: prng.chance(1, 2),
  };
}

function randomMessage(prng: Prng): Message {
  const type = prng.pick(TYPES);
  const plain = { from: 1, to: 2, term: counter(prng) };
  const envelope = prng.chance(1, 3) ? { ...plain, recovering: true as const } : plain;
  const position = { index: prng.below(10_000), term: counter(prng) };
  const [one, two] = [prng.chance(1, 2), prng.chance(1, 2)];
  const number = counter(prng);
  switch (type) {
    case "requestVote":
      return {
        type,
        ...envelope,
        preVote: one,
        leaderTransfer: two,
        lastLog: position,
        applied: { index: number, term: counter(prng) },
      };
    case "requestVoteReply":
      return { type, ...envelope, preVote: one, granted: two, applied: position };
    case "appendEntries": {
      const entries = entriesAfter(prng, position.index);
      return { type, ...envelope, previous: position, entries, commitIndex: number };
    }
    case "appendEntriesReply":
      return { type, ...envelope, success: one, index: number, hint: position };
    case "heartbeat": {
      const { term: commitTerm, index: readRound } = position;
      return { type, ...envelope, commitIndex: number, commitTerm, readRound };
    }
    case "heartbeatReply":
      return { type, ...envelope, readRound: number, commitIndex: counter(prng) };
    case "readIndexRequest":
      return { type, ...envelope, context: number };
    case "readIndexReply":
      return { type, ...envelope, context: number, index: counter(prng) };
    case "installSnapshot":
      return {
        type,
        ...envelope,
        metadata: {
          ...position,
          membership: membership(prng),
          sizeBytes: number,
          checksum: prng.nextUint32(),
        },
        offset: counter(prng),
        chunk: bytes(prng, 500),
        chunkChecksum: prng.nextUint32(),
        last: one,
      };
    case "installSnapshotReply":
      return {
        type,
        ...envelope,
        snapshotIndex: number,
        nextOffset: counter(prng),
        installed: one,
      };
    case "timeoutNow":
      return { type, ...envelope };
    case "termQuery":
      return { type, ...envelope, context: number };
    case "termReply":
      return { type, ...envelope, context: number, lastIndex: counter(prng) };
    default:
      throw new Error(`no such type ${String(type)}`);
  }
}

function randomMessages(prng: Prng): Message[] {
  return Array.from({ length: prng.below(8) }, () => randomMessage(prng));
}

test("decodeFrame() returns what encode() wrote", (context) => {
  const prng = new Prng(seedOf(context));
  const encoder = new FrameEncoder();
  for (let round = 0; round < 1000; round += 1) {
    const messages = randomMessages(prng);
    assert.deepEqual(decodeFrame(encoder.encode(messages), 1, 2), messages);
  }
});

test("encode() gives two followers the same bytes of a shared run", (context) => {
  const prng = new Prng(seedOf(context));
  const encoder = new FrameEncoder();
  for (let round = 0; round < 200; round += 1) {
    const entries = [...entriesAfter(prng, 5), ...entriesAfter(prng, 5)].map((entry, at) => ({
      ...entry,
      index: 6 + at,
    }));
    const to = (): Message => ({
      type: "appendEntries",
      from: 1,
      to: 2,
      term: 3,
      previous: { index: 5, term: 1 },
      entries: [...entries],
      commitIndex: 5,
    });
    const first = encoder.encode([to()]);
    assert.ok(encoder.encode([to()]).equals(first));
    const shorter = { ...to(), entries: entries.slice(0, -1) } as Message;
    assert.deepEqual(decodeFrame(encoder.encode([shorter]), 1, 2), [shorter]);
    if (round % 7 === 0) encoder.forget();
  }
});

test("decodeFrame() refuses every shorter copy", (context) => {
  const prng = new Prng(seedOf(context));
  const encoder = new FrameEncoder();
  for (let round = 0; round < 40; round += 1) {
    const frame = encoder.encode([randomMessage(prng), randomMessage(prng)]);
    for (let length = 1; length < frame.length; length += 1) {
      const decoded = decodeFrame(frame.subarray(0, length), 1, 2);
      assert.ok("reason" in decoded, `${length} of ${frame.length}`);
    }
  }
});

test("decodeFrame() takes any bytes without a throw, and gives safe numbers only", (context) => {
  const prng = new Prng(seedOf(context));
  const encoder = new FrameEncoder();
  const seen = { refused: 0, taken: 0 };
  for (let round = 0; round < 20_000; round += 1) {
    const frame = prng.chance(1, 5) ? bytes(prng, 100) : encoder.encode(randomMessages(prng));
    for (let flips = prng.between(1, 4); flips > 0 && frame.length > 0; flips -= 1) {
      frame[prng.below(frame.length)] = prng.pick([0, 1, 3, 127, 128, 255, prng.below(256)]);
    }
    const decoded = decodeFrame(frame, 1, 2);
    if ("reason" in decoded) seen.refused += 1;
    else {
      seen.taken += 1;
      for (const message of decoded) assertSafe(message);
    }
  }
  context.diagnostic(JSON.stringify(seen));
  assert.ok(seen.refused > 0 && seen.taken > 0);
});

function assertSafe(value: unknown): void {
  if (typeof value === "number") assert.ok(Number.isSafeInteger(value) && value >= 0);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) assertSafe(part);
}
