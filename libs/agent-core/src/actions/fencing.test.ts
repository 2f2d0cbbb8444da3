/** Fencing as a table: which orders pass, which are known, which are refused with which code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActionId, TargetKey } from "@atoll/domain";
import { type FencedOrder, type FencingView, judgeOrder } from "./fencing.ts";

const TARGET = "file:/a" as TargetKey;

const view: FencingView = {
  incarnation: "life-2",
  term: 5,
  mode: "act",
  storageFailure: undefined,
  isKnown: (action) => action === "n1-7" || action === "n1-6",
  isWithdrawn: (action) => action === "n1-6",
  newest: (target) =>
    target === TARGET ? { generation: 7, action: "n1-7" as ActionId } : undefined,
};

function order(more: Partial<FencedOrder>): FencedOrder {
  const action = "n1-8" as ActionId;
  return { term: 5, action, generation: 8, target: TARGET, incarnation: "life-2", ...more };
}

const cases: [string, Partial<FencedOrder>, Partial<FencingView>, string][] = [
  ["a newer generation in the same term", {}, {}, "take"],
  ["a newer term", { term: 6 }, {}, "take"],
  ["an older term", { term: 4 }, {}, "staleTerm"],
  ["an older term of a known action", { term: 4, action: "n1-7" as ActionId }, {}, "staleTerm"],
  ["a known action again", { action: "n1-7" as ActionId, generation: 7 }, {}, "known"],
  ["another action of the same generation", { generation: 7 }, {}, "staleGeneration"],
  ["an older generation", { generation: 6 }, {}, "staleGeneration"],
  ["an older generation in a newer term", { generation: 6, term: 9 }, {}, "staleGeneration"],
  [
    "a low generation of a new target",
    { generation: 1, target: "file:/b" as TargetKey },
    {},
    "take",
  ],
  ["an earlier incarnation", { incarnation: "life-1" }, {}, "otherIncarnation"],
  [
    "an earlier incarnation, older term",
    { incarnation: "life-1", term: 1 },
    {},
    "otherIncarnation",
  ],
  ["another instance", { instance: "b" }, { instance: "a" }, "otherInstance"],
  ["this instance", { instance: "a" }, { instance: "a" }, "take"],
  ["no instance in particular", {}, { instance: "a" }, "take"],
  ["what was withdrawn", { action: "n1-6" as ActionId, generation: 6 }, {}, "unable"],
  ["anything in observe mode", {}, { mode: "observe" }, "unable"],
  ["anything while the disk fails", {}, { storageFailure: "ENOSPC" }, "unable"],
  [
    "a known action while the disk fails",
    { action: "n1-7" as ActionId },
    { storageFailure: "x" },
    "known",
  ],
];

for (const [what, orderPart, viewPart, expected] of cases) {
  test(`judgeOrder() answers ${expected} to ${what}`, () => {
    const verdict = judgeOrder(order(orderPart), { ...view, ...viewPart });
    assert.equal(verdict.type === "refuse" ? verdict.code : verdict.type, expected);
    if (verdict.type === "refuse") assert.notEqual(verdict.reason, "");
  });
}
