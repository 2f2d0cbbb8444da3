/**
 * What a damaged log lacks is got from whoever has it; it is waited for, or found to be gone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReadEntriesRequest, ReadEntriesResponse } from "@atoll/proto/atoll/replica/v1/repair";
import { RepairEntryType } from "@atoll/proto/atoll/replica/v1/repair";
import type { UnknownSpan } from "@atoll/raft-level";
import type { Entry } from "raft-ts";
import { type Asked, LogRepair, type RepairOutcome } from "./log-repair.ts";

/** A log of ten entries of term 1 that lacks some of them. */
class DamagedLog {
  missing: UnknownSpan[];
  refusal: string | undefined;
  /** So many fills are taken in at most. */
  room = Infinity;
  isFull = false;

  constructor(...spans: readonly (readonly [number, number])[]) {
    this.missing = spans.map(([from, to]) => ({ from, to, termAtTo: 1 }));
  }

  fill(entries: readonly Entry[], _previousTerm: number): string | undefined {
    if (this.refusal !== undefined) return this.refusal;
    this.room -= 1;
    this.isFull = this.room < 0;
    if (this.isFull) return "it is too much";
    const [first, last] = [entries[0] as Entry, entries.at(-1) as Entry];
    this.missing = this.missing
      .map((span) => (span.to === last.index ? { ...span, to: first.index - 1 } : span))
      .filter(({ from, to }) => from <= to);
    return undefined;
  }
}

const NOTHING = { entries: [], previousTerm: 0, outgoingVoters: [], addresses: {} };

/** One that repairs its own log and has these entries. */
function has(replica: number, from: number, to: number, more: Partial<ReadEntriesResponse> = {}) {
  return ({ fromIndex, toIndex, toTerm }: ReadEntriesRequest): Asked => {
    assert.equal(toTerm, 1);
    const first = Math.max(fromIndex, from);
    const entries = Array.from({ length: toIndex > to ? 0 : toIndex - first + 1 }, (_, at) => ({
      index: first + at,
      term: 1,
      type: RepairEntryType.REPAIR_ENTRY_TYPE_DATA,
      data: Buffer.from("x"),
    }));
    return { ...NOTHING, entries, previousTerm: 1, replica, whole: false, voters: [], ...more };
  };
}

/** One that runs whole and has nothing that is asked for. */
function runs(replica: number, voters: readonly number[], outgoingVoters: readonly number[] = []) {
  return (): Asked => ({ ...NOTHING, replica, whole: true, voters, outgoingVoters });
}

type Peer = (request: ReadEntriesRequest) => Asked;

interface Run {
  /** Undefined when it was given up. */
  readonly outcome: RepairOutcome | undefined;
  readonly reasons: readonly string[];
  readonly asked: readonly string[];
}

/** Runs it against peers by address; after `rounds` pauses it is given up. */
async function run(log: DamagedLog, peers: Record<string, Peer>, rounds = 3): Promise<Run> {
  const reasons: string[] = [];
  const asked: string[] = [];
  let left = rounds;
  const repair: LogRepair = new LogRepair({
    log,
    groupId: "g",
    self: 1,
    addresses: new Map([
      [1, "a:1"],
      [2, "a:2"],
      [3, "a:3"],
    ]),
    ask: async (address, request) => {
      asked.push(`${address.slice(2)} ${request.fromIndex} to ${request.toIndex}`);
      return peers[address]?.(request) ?? "no answer";
    },
    pause: async () => {
      left -= 1;
      if (left === 0) throw new Error("given up");
    },
    changed: () => reasons.push(repair.reason),
  });
  const outcome = await repair.run().catch((error: Error) => {
    assert.equal(error.message, "given up");
    return undefined;
  });
  return { outcome, reasons, asked };
}

test("run() takes from each what it has, also the end of a span alone", async () => {
  const log = new DamagedLog([2, 5], [8, 9]);
  const { outcome, asked, reasons } = await run(log, { "a:2": has(2, 4, 6), "a:3": has(3, 1, 10) });
  assert.equal(outcome, "filled");
  assert.deepEqual(asked, ["2 2 to 5", "2 2 to 3", "2 8 to 9", "3 2 to 3", "3 8 to 9"]);
  assert.deepEqual(reasons, []);
});

test("run() asks on while somebody is silent, and says so once per change", async () => {
  const log = new DamagedLog([2, 5]);
  const { outcome, reasons, asked } = await run(log, { "a:2": runs(2, [1, 2, 3]) });
  assert.equal(outcome, undefined);
  assert.equal(asked.length, 6);
  assert.deepEqual(reasons, [
    "entries 2 to 5 are asked of the others; " +
      "replica 2 at a:2: runs and does not have them; replica 3 at a:3: no answer",
  ]);
});

test("run() ends in vain once a majority runs without the entries", async () => {
  const voters = [1, 2, 3];
  const both = { "a:2": runs(2, voters), "a:3": runs(3, voters) };
  assert.equal((await run(new DamagedLog([2, 5]), both)).outcome, "inVain");
  // The same one at two addresses is one.
  const one = { "a:2": runs(2, voters), "a:3": runs(2, voters) };
  assert.equal((await run(new DamagedLog([2, 5]), one)).outcome, undefined);
  // Both halves of a joint configuration count.
  const joint = { "a:2": runs(2, voters, [1, 4, 5]), "a:3": runs(3, voters, [1, 4, 5]) };
  assert.equal((await run(new DamagedLog([2, 5]), joint)).outcome, undefined);
  // Of five, two are none, and this one's own word does not count.
  const few = { "a:2": runs(1, [1, 2, 3]), "a:3": runs(3, [1, 2, 3]) };
  assert.equal((await run(new DamagedLog([2, 5]), few)).outcome, undefined);
  // One that repairs its own log may have them yet.
  const repairing = { "a:2": has(2, 9, 9), "a:3": runs(3, voters) };
  assert.equal((await run(new DamagedLog([2, 5]), repairing)).outcome, undefined);
});

test("run() ends once more is missing than the log takes in, and asks nobody else", async () => {
  const log = new DamagedLog([2, 3], [5, 6], [8, 9]);
  log.room = 1;
  const { outcome, asked } = await run(log, { "a:2": has(2, 1, 10), "a:3": has(3, 1, 10) });
  assert.equal(outcome, "tooMuch");
  assert.deepEqual(asked, ["2 2 to 3", "2 5 to 6"]);
});

test("run() wants the majority at one time", async () => {
  const voters = [1, 2, 3];
  let round = 0;
  const inTurns = (peer: Peer, mine: number): Peer => {
    return (request) => (round++ % 4 === mine ? peer(request) : "no answer");
  };
  const peers = { "a:2": inTurns(runs(2, voters), 0), "a:3": inTurns(runs(3, voters), 3) };
  assert.equal((await run(new DamagedLog([2, 5]), peers)).outcome, undefined);
});

test("run() goes on as long as one of the majority has them", async () => {
  const voters = [1, 2, 3];
  const peers = { "a:2": runs(2, voters), "a:3": has(3, 1, 9, { whole: true, voters }) };
  assert.equal((await run(new DamagedLog([2, 5]), peers)).outcome, "filled");
});

test("run() asks those that it is told of", async () => {
  const addresses = { 1: "a:1", 4: "a:4" };
  const peers = { "a:2": has(2, 9, 9, { addresses }), "a:4": has(4, 1, 9) };
  const { outcome, asked } = await run(new DamagedLog([2, 5]), peers);
  assert.equal(outcome, "filled");
  assert.ok(asked.every((each) => !each.startsWith("1 ")));
});

test("run() names who gives entries that do not fit", async () => {
  const log = new DamagedLog([2, 5]);
  log.refusal = "the term at 1 is not 1";
  const { outcome, reasons } = await run(log, { "a:2": has(2, 1, 9) });
  assert.equal(outcome, undefined);
  assert.match(
    reasons[0] ?? "",
    /replica 2 at a:2: its entries do not fit: the term at 1 is not 1/,
  );
});
