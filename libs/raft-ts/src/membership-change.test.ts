import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Membership } from "./entry.ts";
import { membershipOf } from "./membership.ts";
import type { ChangedMembership, MembershipChange } from "./membership-change.ts";
import { changeSimple, enterJoint, leaveJoint, planChange } from "./membership-change.ts";
import { isQuorum } from "./quorum.ts";

const TYPES = { v: "addVoter", l: "addLearner", r: "remove", u: "update" } as const;

/** "v1 l2 r3 u4" as changes. */
function changesOf(text: string): MembershipChange[] {
  const words = text.split(" ").filter((word) => word !== "");
  return words.map((word) => ({
    type: TYPES[word[0] as keyof typeof TYPES],
    replica: Number(word.slice(1)),
  }));
}

/** Voters, outgoing, learners, learners next and the flag, as one line. */
function lineOf(result: ChangedMembership): string {
  if (result.type === "refused") return result.reason;
  const { voters, outgoing, learners, learnersNext, autoLeave } = result.membership;
  return `${voters} | ${outgoing} | ${learners} | ${learnersNext}${autoLeave ? " auto" : ""}`;
}

function membershipAfter(result: ChangedMembership): Membership {
  assert.equal(result.type, "changed", lineOf(result));
  return result.membership;
}

const simple = (voters: number[], text: string): string =>
  lineOf(changeSimple(membershipOf(voters), changesOf(text)));

test("changeSimple() moves one voter and any number of learners", () => {
  assert.deepEqual(
    [
      simple([1], "v2"),
      simple([1, 2], "l1"),
      simple([1, 2], "r1 r9 l5 l4"),
      simple([1, 2], "l1 v1"),
      simple([1, 2], "v0 r0 l0 u1 u7"),
      simple([], "v1"),
    ],
    ["1,2 |  |  | ", "2 |  | 1 | ", "2 |  | 4,5 | ", "1,2 |  |  | ", "1,2 |  |  | ", "1 |  |  | "],
  );
});

test("changeSimple() refuses two voters, no voters, and a joint configuration", () => {
  assert.match(simple([1, 2], "v3 v4"), /more than one voter/);
  assert.match(simple([1, 2], "r1 v5"), /more than one voter/);
  assert.match(simple([1, 2], "r1 r2"), /all voters/);
  assert.match(simple([], "l1"), /all voters/);
  const joint = membershipAfter(enterJoint(membershipOf([1]), changesOf("v2"), false));
  assert.match(lineOf(changeSimple(joint, changesOf("l9"))), /joint/);
});

test("enterJoint() keeps the outgoing voters, and demotes them only when it is left", () => {
  const entered = enterJoint(membershipOf([1]), changesOf("r1 r2 v2 v3 v4 l2 r4 l1 l1"), true);
  assert.equal(lineOf(entered), "3 | 1 | 2 | 1 auto");
  const joint = membershipAfter(entered);
  assert.match(lineOf(enterJoint(joint, [], false)), /joint already/);
  assert.equal(lineOf(leaveJoint(joint)), "3 |  | 1,2 | ");
  assert.match(lineOf(leaveJoint(membershipOf([1]))), /not joint/);
  assert.match(lineOf(enterJoint(membershipOf([]), changesOf("v1"), true)), /no voters/);
});

test("planChange() takes the smallest way, or the one that was asked for", () => {
  const plan = (text: string, transition: "auto" | "implicit" | "explicit"): string =>
    lineOf(planChange(membershipOf([1, 2]), changesOf(text), transition));
  assert.equal(plan("v3", "auto"), "1,2,3 |  |  | ");
  assert.equal(plan("v3 r1", "auto"), "2,3 | 1,2 |  |  auto");
  assert.equal(plan("v3", "implicit"), "1,2,3 | 1,2 |  |  auto");
  assert.equal(plan("v3", "explicit"), "1,2,3 | 1,2 |  | ");
  assert.match(plan("", "auto"), /not joint/);
  assert.match(plan("v-1", "auto"), /no replica id/);
  const many = Array.from({ length: 300 }, (_, at) => `l${at + 3}`).join(" ");
  assert.match(plan(many, "auto"), /more than 255 members/);
  const joint = membershipAfter(planChange(membershipOf([1]), changesOf("v2"), "explicit"));
  assert.equal(lineOf(planChange(joint, [], "auto")), "1,2 |  |  | ");
  assert.match(lineOf(planChange(joint, changesOf("v3"), "auto")), /must be left first/);
});

test("planChange() never lets a majority before and one after miss each other", () => {
  const prng = new Prng(7);
  let changes = 0;
  for (let walk = 0; walk < 200; walk += 1) {
    let membership = membershipOf([1, 2, 3]);
    for (let step = 0; step < 12; step += 1) {
      const count = prng.below(4);
      const asked = Array.from({ length: count }, () => ({
        type: (["addVoter", "addLearner", "remove", "update"] as const)[prng.below(4)] ?? "update",
        replica: 1 + prng.below(5),
      }));
      const transition = (["auto", "implicit", "explicit"] as const)[prng.below(3)] ?? "auto";
      const result = planChange(membership, asked, transition);
      if (result.type === "refused") continue;
      changes += 1;
      const next = result.membership;
      for (let set = 0; set < 32; set += 1) {
        const has = (id: number): boolean => ((set >> (id - 1)) & 1) === 1;
        const both = isQuorum(membership, has) && isQuorum(next, (id) => !has(id));
        assert.equal(both, false, `${lineOf(result)} after ${JSON.stringify(membership)}`);
      }
      const learners = new Set([...next.learners, ...next.learnersNext]);
      assert.ok(!next.voters.some((id) => learners.has(id)), lineOf(result));
      assert.ok(!next.outgoing.some((id) => next.learners.includes(id)), lineOf(result));
      membership = next;
    }
  }
  assert.ok(changes > 500, `${changes} changes`);
});
