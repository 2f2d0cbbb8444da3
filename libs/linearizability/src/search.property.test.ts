import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { checkLinearizability } from "./check.ts";
import type { Operation, Value } from "./operation.ts";
import { isLinearizableByForce } from "./testing/brute-force.ts";
import { formatHistory, parseHistory } from "./text.ts";

const HISTORIES = 6_000;
const OPERATIONS_MAX = 7;

/** Any operations at all: most such histories are not linearizable. */
function randomHistory(prng: Prng): Operation[] {
  const values = ["1", "2", "3"].slice(0, prng.between(1, 3));
  const span = prng.between(4, 16);
  return Array.from({ length: prng.between(1, OPERATIONS_MAX) }, (_, at) => {
    const invokedAt = prng.below(span);
    const process = String(at);
    const unknown = prng.chance(1, 4);
    const returnedAt = invokedAt + prng.below(span);
    const read: Value = prng.chance(1, 4) ? undefined : prng.pick(values);
    const draw = prng.below(3);
    const base = { process, key: "x", invokedAt };
    if (draw === 0) {
      const result = { type: "read", value: read } as const;
      const returned = unknown ? undefined : { at: returnedAt, result };
      return { ...base, call: { kind: "read" }, returned };
    }
    const value = prng.pick(values);
    if (draw === 1) {
      const returned = unknown ? undefined : { at: returnedAt, result: { type: "ok" } as const };
      return { ...base, call: { kind: "write", value }, returned };
    }
    const result = { type: prng.chance(1, 2) ? "ok" : "failed" } as const;
    const returned = unknown ? undefined : { at: returnedAt, result };
    return { ...base, call: { kind: "cas", expected: read, value }, returned };
  });
}

/** What a real register answers to overlapping clients: always linearizable. */
function trueHistory(prng: Prng, count: number): Operation[] {
  const values = ["1", "2", "3"].slice(0, prng.between(1, 3));
  let value: Value;
  return Array.from({ length: count }, (_, at) => {
    // Each takes effect at 10 * at, some time between its call and its return.
    const invokedAt = Math.max(0, 10 * at - prng.below(40));
    const returnedAt = 10 * at + prng.below(40);
    const base = { process: String(at), key: "x", invokedAt };
    const unknown = prng.chance(1, 6);
    const draw = prng.below(3);
    if (draw === 0) {
      const returned = unknown
        ? undefined
        : { at: returnedAt, result: { type: "read", value } as const };
      return { ...base, call: { kind: "read" }, returned };
    }
    const next = prng.pick(values);
    const expected: Value = prng.chance(1, 4) ? undefined : prng.pick(values);
    const swaps = draw === 1 || expected === value;
    // What is unknown may not have happened at all.
    if (swaps && !(unknown && prng.chance(1, 2))) value = next;
    const result = { type: swaps ? "ok" : "failed" } as const;
    const returned = unknown ? undefined : { at: returnedAt, result };
    if (draw === 1) return { ...base, call: { kind: "write", value: next }, returned };
    return { ...base, call: { kind: "cas", expected, value: next }, returned };
  });
}

test("checkLinearizability() says what trying every order says", (context) => {
  const seed = randomInt(2 ** 31);
  const prng = new Prng(seed);
  let linearizable = 0;
  for (let round = 0; round < HISTORIES; round += 1) {
    const history = prng.chance(1, 3)
      ? trueHistory(prng, prng.between(1, OPERATIONS_MAX))
      : randomHistory(prng);
    const expected = isLinearizableByForce(history);
    if (expected) linearizable += 1;
    const { type } = checkLinearizability(history);
    const text = `seed ${seed}, round ${round}:\n${formatHistory(history)}`;
    assert.equal(type, expected ? "linearizable" : "notLinearizable", text);
  }
  context.diagnostic(`seed ${seed}: ${linearizable} of ${HISTORIES} are linearizable`);
  assert.ok(linearizable > HISTORIES / 5 && linearizable < (HISTORIES * 4) / 5, "a lopsided mix");
});

test("checkLinearizability() accepts long true histories within its bound", (context) => {
  const seed = randomInt(2 ** 31);
  const prng = new Prng(seed);
  let work = 0;
  for (let round = 0; round < 20; round += 1) {
    const history = trueHistory(prng, 400);
    const verdict = checkLinearizability(history);
    assert.equal(verdict.type, "linearizable", `seed ${seed}, round ${round}: ${verdict.type}`);
    if (verdict.type === "linearizable") work += verdict.work;
  }
  context.diagnostic(`seed ${seed}: ${work} attempts for 8,000 operations`);
});

test("parseHistory() reads back whatever formatHistory() writes", () => {
  const seed = randomInt(2 ** 31);
  const prng = new Prng(seed);
  for (let round = 0; round < 200; round += 1) {
    const history = randomHistory(prng);
    const parsed = parseHistory(formatHistory(history));
    assert.deepEqual(parsed, { type: "parsed", history }, `seed ${seed}, round ${round}`);
  }
});
