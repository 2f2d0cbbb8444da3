import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Membership } from "./entry.ts";
import { committedIndex, countVotes, isQuorum, majority } from "./quorum.ts";

const ROUNDS = 5_000;

/** Every subset of `voters` that is more than half of them. */
function majoritiesOf(voters: readonly number[]): number[][] {
  const all: number[][] = [];
  for (let mask = 0; mask < 2 ** voters.length; mask += 1) {
    const subset = voters.filter((_, at) => (mask >> at) % 2 === 1);
    if (subset.length * 2 > voters.length) all.push(subset);
  }
  return all;
}

function drawMembership(prng: Prng): Membership {
  const ids = [1, 2, 3, 4, 5, 6, 7];
  const sorted = (count: number): number[] =>
    prng
      .shuffle(ids)
      .slice(0, count)
      .toSorted((left, right) => left - right);
  const voters = sorted(prng.between(1, 5));
  const outgoing = prng.chance(1, 2) ? sorted(prng.between(1, 5)) : [];
  return { voters, outgoing, learners: [], learnersNext: [], autoLeave: false };
}

test("committedIndex() is what some majority of each configuration has reached", () => {
  const seed = randomInt(2 ** 31);
  const prng = new Prng(seed);
  for (let round = 0; round < ROUNDS; round += 1) {
    const membership = drawMembership(prng);
    const match = new Map([1, 2, 3, 4, 5, 6, 7].map((id) => [id, prng.below(6)]));
    const reachedBy = (voters: readonly number[]): number =>
      Math.max(
        ...majoritiesOf(voters).map((subset) =>
          Math.min(...subset.map((id) => match.get(id) as number)),
        ),
      );
    const incoming = reachedBy(membership.voters);
    const outgoing = membership.outgoing.length > 0 ? reachedBy(membership.outgoing) : incoming;
    const expected = Math.min(incoming, outgoing);
    const found = committedIndex(membership, (id) => match.get(id) as number);
    assert.equal(
      found,
      expected,
      `seed ${seed}: ${JSON.stringify({ membership, match: [...match] })}`,
    );
  }
});

test("countVotes() is won, lost or pending as all ways to go on say", () => {
  const seed = randomInt(2 ** 31);
  const prng = new Prng(seed);
  for (let round = 0; round < ROUNDS; round += 1) {
    const membership = drawMembership(prng);
    const votes = new Map<number, boolean>();
    for (const id of [1, 2, 3, 4, 5, 6, 7]) {
      if (prng.chance(2, 3)) votes.set(id, prng.chance(1, 2));
    }
    const canWin = (missing: boolean): boolean =>
      [membership.voters, membership.outgoing].every(
        (voters) =>
          voters.length === 0 ||
          majoritiesOf(voters).some((subset) => subset.every((id) => votes.get(id) ?? missing)),
      );
    const expected = canWin(false) ? "won" : canWin(true) ? "pending" : "lost";
    const found = countVotes(membership, (id) => votes.get(id));
    assert.equal(
      found,
      expected,
      `seed ${seed}: ${JSON.stringify({ membership, votes: [...votes] })}`,
    );
  }
});

test("isQuorum() holds for any two quorums with a member in common", () => {
  for (const size of [1, 2, 3, 4, 5]) {
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    const membership = { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false };
    const quorums: number[][] = [];
    for (let mask = 0; mask < 2 ** size; mask += 1) {
      const subset = voters.filter((_, at) => (mask >> at) % 2 === 1);
      if (isQuorum(membership, (id) => subset.includes(id))) quorums.push(subset);
    }
    assert.ok(quorums.length > 0);
    for (const left of quorums) {
      for (const right of quorums) assert.ok(left.some((id) => right.includes(id)));
    }
  }
});

test("majority() is more than half", () => {
  assert.deepEqual([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
});
