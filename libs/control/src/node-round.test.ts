/**
 * Everybody has a turn, in slices, whoever comes and goes and however often a round is asked for.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeName } from "@atoll/domain";
import { NodeRound } from "./node-round.ts";

function namesOf(count: number): { names: NodeName[]; asked: number[] } & {
  nodeNamesAfter(name: string, most: number): readonly NodeName[];
} {
  const names = Array.from({ length: count }, (_, at) => `n${100 + at}` as NodeName);
  const asked: number[] = [];
  return {
    names,
    asked,
    nodeNamesAfter: (name, most) => {
      asked.push(most);
      return names.filter((one) => one > name).slice(0, most);
    },
  };
}

function finish(round: NodeRound, of: ReturnType<typeof namesOf>, most: number): NodeName[] {
  const taken: NodeName[] = [];
  for (let calls = 0; round.hurries; calls += 1) {
    assert.ok(calls < 1_000, "it never ends");
    taken.push(...round.take(of, most));
  }
  return taken;
}

for (const [count, most] of [
  [0, 3],
  [1, 1],
  [6, 3],
  [7, 3],
  [7, 100],
] as const) {
  test(`NodeRound hurries past each of ${count} nodes once, ${most} at a time`, () => {
    const of = namesOf(count);
    const round = new NodeRound();
    round.hurry();
    assert.deepEqual(finish(round, of, most), of.names);
    assert.ok(of.asked.every((asked) => asked <= most));
  });
}

test("NodeRound goes on from where it is, and ends where it was asked to", () => {
  const of = namesOf(9);
  const round = new NodeRound();
  assert.deepEqual(round.take(of, 4), of.names.slice(0, 4));
  round.hurry();
  const taken = finish(round, of, 3);
  assert.deepEqual([...new Set(taken)].toSorted(), of.names);
});

test("NodeRound passes over nobody when rounds are asked for all the time", () => {
  const of = namesOf(10);
  const round = new NodeRound();
  const seen = new Set<NodeName>();
  for (let times = 0; times < 6; times += 1) {
    round.hurry();
    for (const name of round.take(of, 2)) seen.add(name);
  }
  assert.equal(seen.size, 10);
});

test("NodeRound goes slowly for ever, also when the node where it is has gone", () => {
  const of = namesOf(5);
  const round = new NodeRound();
  assert.deepEqual(round.take(of, 2), of.names.slice(0, 2));
  of.names.splice(1, 1);
  assert.deepEqual(round.take(of, 2), of.names.slice(1, 3));
  assert.deepEqual(round.take(of, 2), of.names.slice(3));
  assert.deepEqual(round.take(of, 2), of.names.slice(0, 2));
  assert.equal(round.hurries, false);
});
