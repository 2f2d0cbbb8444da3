/**
 * The account of a chaos run, on histories that are right and on ones that are wrong in one way.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DomainEvent, Fact } from "@atoll/domain";
import { checkActions } from "./check-actions.ts";
import { checkIdentity } from "./check-identity.ts";
import { checkFacts, type LoggedEvent } from "./check-facts.ts";
import type { RecordLine } from "./record.ts";

const NODE = "c1";
const LIFE = "life-1";

function healthy(pid: number): Fact {
  return {
    type: "serviceObserved",
    observedAtMs: pid,
    service: { key: "chaos/one", digest: "d", status: "healthy", pid, reason: "" },
  } as Fact;
}

function kept(sequence: number, fact: Fact, incarnation: string = LIFE): RecordLine[] {
  return [
    { type: "offered", boot: 1, sequence, fact, incarnation },
    { type: "stored", boot: 1, sequence, incarnation },
  ];
}

function logged(events: readonly object[]): LoggedEvent[] {
  return events.map((event, at) => ({
    index: at + 1,
    actor: `agent/${NODE}`,
    event: { node: NODE, ...event } as unknown as DomainEvent,
  }));
}

const discovered = { type: "nodeDiscovered", incarnation: LIFE, labels: {} };
const status = (fact: Fact): object => ({
  type: "serviceStatusChanged",
  service: (fact as Extract<Fact, { type: "serviceObserved" }>).service,
});
const through = (sequence: number, incarnation: string = LIFE): object => ({
  type: "factsAccepted",
  incarnation,
  through: { boot: 1, sequence },
});

const mark = (instance: string): object => ({ boot: 1, sequence: 1, instance });

describe("checkFacts()", () => {
  const [first, second] = [healthy(1), healthy(2)];
  const record = [...kept(1, first), ...kept(2, second)];

  test("holds when every fact is in the log once, or was no news", () => {
    const again = [...record, ...kept(3, second)];
    const log = logged([discovered, status(first), through(1), status(second), through(3)]);
    const findings = checkFacts(NODE, { record: again }, log);
    assert.deepEqual(findings, { problems: [], stored: 3, accepted: 3, wiped: 0, events: 2 });
  });

  const wrong: readonly (readonly [string, readonly object[], RegExp])[] = [
    ["a fact behind the last mark", [discovered, status(first), through(1)], /lost: 1\.2/],
    ["news without an event", [discovered, status(first), through(2)], /lost: 1\.2 was news/],
    [
      "an event twice",
      [discovered, status(first), status(first), status(second), through(2)],
      /repeated or invented/,
    ],
    [
      "a mark twice",
      [discovered, status(first), status(second), through(2), through(2)],
      /repeated: accepted/,
    ],
    [
      "an event of no fact",
      [discovered, status(first), status(healthy(9)), through(2)],
      /lost: 1\.2 was news/,
    ],
    ["a mark beyond what was offered", [discovered, status(first), through(3)], /invented: 1\.3/],
  ];
  for (const [name, events, expected] of wrong) {
    test(`finds ${name}`, () => {
      assert.match(checkFacts(NODE, { record }, logged(events)).problems.join("\n"), expected);
    });
  }

  test("counts what a wipe took, and asks for nothing of it", () => {
    const wiped = { type: "nodeWiped", incarnation: "life-2" };
    const log = logged([discovered, status(first), through(1), wiped]);
    const gone: RecordLine[] = [...record, { type: "wiped", incarnation: "" }];
    const findings = checkFacts(NODE, { record: gone }, log);
    assert.deepEqual(findings.problems, []);
    assert.equal(findings.wiped, 1);
    const kept = checkFacts(NODE, { record }, log);
    assert.match(kept.problems.join("\n"), /lost: 1\.2 of life-1/);
  });

  test("counts as there what was taken along into another life, by its content", () => {
    const wiped = { type: "nodeWiped", incarnation: "life-2" };
    const again = logged([discovered, status(first), through(1), wiped, status(second)]);
    const log = [...again, ...logged([through(1, "life-2")])];
    const along = [...record, ...kept(1, second, "life-2")];
    assert.deepEqual(checkFacts(NODE, { record: along }, log).problems, []);
    const another = [...record, ...kept(1, healthy(7), "life-2")];
    assert.match(checkFacts(NODE, { record: another }, log).problems.join("\n"), /lost: 1\.2/);
  });

  test("tells the facts of copies apart, and lets those of one that is gone be gone", () => {
    const by = (instance: string, lines: readonly RecordLine[]): RecordLine[] =>
      lines.map((line) => ({ ...line, instance }));
    const log = logged([discovered, status(first), { ...through(1), through: mark("b") }]);
    const twins = [by("b", kept(1, first)), by("c", kept(1, second))];
    const findings = checkFacts(NODE, { record: [], twins }, log);
    assert.deepEqual(findings.problems, []);
    assert.equal(findings.wiped, 1);
    const stays = checkFacts(NODE, { record: by("c", kept(1, second)), twins: [twins[0]!] }, log);
    assert.match(stays.problems.join("\n"), /lost: 1\.1 of c/);
    const invented = checkFacts(NODE, { record: by("c", kept(1, first)) }, log);
    assert.match(invented.problems.join("\n"), /invented: 1\.1 of b/);
  });
});

describe("checkActions()", () => {
  const planned = (action: string): object => ({ type: "actionPlanned", action });
  const taken = (action: string, generation: number, term: number): RecordLine => ({
    type: "taken",
    action,
    target: "service:chaos/one",
    generation,
    term,
    order: "startService",
    incarnation: LIFE,
  });
  const starts = (count: number): ReadonlyMap<string, number> => new Map([["chaos/one", count]]);
  const log = logged([planned("c1-1"), planned("c1-2")]);
  const problems = (record: readonly RecordLine[], count = 0): string =>
    checkActions(NODE, { record, starts: starts(count) }, log).problems.join("\n");

  test("holds when each was taken once, in order, and ran as often", () => {
    assert.equal(problems([taken("c1-1", 1, 3), taken("c1-2", 2, 4)], 2), "");
  });

  test("finds an action that was taken twice", () => {
    assert.match(problems([taken("c1-1", 1, 3), taken("c1-1", 2, 3)]), /c1-1 taken twice/);
  });

  test("finds an action that the log does not have", () => {
    assert.match(problems([taken("c1-9", 1, 3)]), /c1-9 is not in the log/);
  });

  test("finds orders of an older leader, and of an older generation", () => {
    assert.match(problems([taken("c1-1", 1, 4), taken("c1-2", 2, 3)]), /unfenced c1-2: 3 after 4/);
    assert.match(problems([taken("c1-2", 2, 4), taken("c1-1", 1, 4)]), /generation 1 .* is old/);
  });

  test("finds a service that began more often than it was ordered to", () => {
    assert.match(problems([taken("c1-1", 1, 3)], 2), /chaos\/one began 2 times, ordered 1/);
  });

  test("finds an action that two agents under one name took", () => {
    const twins = [[taken("c1-1", 1, 3)]];
    const seen = { record: [taken("c1-1", 1, 3)], twins, starts: starts(2) };
    assert.match(checkActions(NODE, seen, log).problems.join("\n"), /c1-1 taken twice/);
    const apart = { ...seen, record: [taken("c1-2", 2, 2)] };
    assert.deepEqual(checkActions(NODE, apart, log).problems, []);
  });

  test("finds an action that ended twice, or was never planned", () => {
    const ended = { type: "actionSucceeded", action: "c1-1", durationMs: 1 };
    const both = logged([ended, planned("c1-1"), ended]);
    const found = checkActions(NODE, { record: [], starts: starts(0) }, both).problems.join("\n");
    assert.match(found, /never planned/);
    assert.match(found, /ended twice/);
  });
});

describe("checkIdentity()", () => {
  const claimant = (pid: number): object => ({
    incarnation: LIFE,
    process: { host: "h", pid, address: "", instance: `i${pid}` },
  });
  const conflict = { type: "identityConflict", claimants: [claimant(7), claimant(8)] };
  const over = { type: "identityConflictEnded", remaining: claimant(7) };
  const planned = { type: "actionPlanned", action: "c1-1" };
  const episode = { node: NODE, pid: 8 };

  test("holds when both are named, nothing is ordered meanwhile, and it ends", () => {
    const log = logged([planned, conflict, over, planned]);
    assert.deepEqual(checkIdentity([episode], log), []);
  });

  const wrong: readonly (readonly [string, readonly object[], RegExp])[] = [
    ["a twin that nobody named", [planned], /its twin, pid 8, is not named/],
    ["an order in a conflict", [conflict, planned, over], /c1-1 was ordered in a conflict, at 2/],
    ["a conflict that lasts", [conflict], /its conflict never ended/],
    [
      "one that is named for two",
      [{ ...conflict, claimants: [claimant(8), claimant(8)] }, over],
      /conflict at 1 names 1/,
    ],
  ];
  for (const [name, events, expected] of wrong) {
    test(`finds ${name}`, () => {
      assert.match(checkIdentity([episode], logged(events)).join("\n"), expected);
    });
  }
});
