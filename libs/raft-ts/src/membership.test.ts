import assert from "node:assert/strict";
import { test } from "node:test";
import { Bug, Prng } from "@atoll/stdx";
import type { Membership } from "./entry.ts";
import {
  decodeMembership,
  encodeMembership,
  isVoter,
  membersOf,
  membershipOf,
} from "./membership.ts";

const JOINT: Membership = {
  voters: [1, 2, 2 ** 33 + 5],
  outgoing: [1, 7],
  learners: [9],
  learnersNext: [7],
  autoLeave: true,
};

test("membershipOf() sorts and refuses what is no set of ids", () => {
  assert.deepEqual(membershipOf([3, 1, 2]).voters, [1, 2, 3]);
  for (const bad of [[1, 1], [0], [-1], [1.5], [2 ** 53]]) {
    assert.throws(() => membershipOf(bad), Bug, JSON.stringify(bad));
  }
});

test("membersOf() and isVoter() look at both configurations", () => {
  assert.deepEqual(membersOf(JOINT), [1, 2, 7, 9, 2 ** 33 + 5]);
  assert.equal(isVoter(JOINT, 7), true);
  assert.equal(isVoter(JOINT, 9), false);
});

test("decodeMembership() gives back what was encoded", () => {
  for (const membership of [JOINT, membershipOf([]), membershipOf([1, 2, 3])]) {
    assert.deepEqual(decodeMembership(encodeMembership(membership)), membership);
  }
});

test("encodeMembership() never changes: logs of every release carry it", () => {
  const hex = Array.from(encodeMembership(membershipOf([1, 2])), (byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  assert.equal(hex.join(""), "01000201000000000000000200000000000000000000");
});

test("decodeMembership() refuses every truncation and never throws on damage", () => {
  const whole = encodeMembership(JOINT);
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(decodeMembership(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodeMembership(new Uint8Array([...whole, 0])), undefined);
  const prng = new Prng(1);
  for (let round = 0; round < 2_000; round += 1) {
    const damaged = whole.slice();
    damaged[prng.below(damaged.length)] = prng.below(256);
    const decoded = decodeMembership(damaged);
    if (decoded !== undefined) assert.deepEqual(encodeMembership(decoded), damaged);
  }
});
