/** Operations end when all of their nodes are as wanted, at the cost of a look each time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeName, OperationId, OperationState } from "@atoll/domain";
import { OperationProgress } from "./operation-progress.ts";

const ALL = Number.MAX_SAFE_INTEGER;

function operation(id: string, nodes: readonly string[]): OperationState {
  return {
    id: id as OperationId,
    kind: "applyRoles",
    description: "",
    nodes: nodes as NodeName[],
    actor: "test",
    status: "running",
    started: { index: 1, stampMs: 0 },
    reason: "",
  };
}

test("OperationProgress waits for each node, also for one that is not as wanted any more", () => {
  const progress = new OperationProgress();
  const running = [operation("op-1", ["a", "b", "c"]), operation("op-2", [])];
  const good = new Set<string>(["a"]);
  const done = (): string[] => progress.done(running, (node) => good.has(node), ALL);
  assert.deepEqual(done(), ["op-2"]);
  good.add("b").delete("a");
  assert.deepEqual(done(), ["op-2"]);
  good.add("c");
  assert.deepEqual(done(), ["op-2"]);
  good.add("a");
  assert.deepEqual(done(), ["op-1", "op-2"]);
});

test("OperationProgress looks at a large operation about twice in all, and in pieces", () => {
  const nodes = Array.from({ length: 1_000 }, (_, at) => `n${at}`);
  const progress = new OperationProgress();
  const good = new Set<string>();
  let looks = 0;
  const step = (most: number): string[] =>
    progress.done(
      [operation("op-1", nodes)],
      (node) => {
        looks += 1;
        return good.has(node);
      },
      most,
    );
  for (const node of nodes) {
    assert.deepEqual(step(ALL), []);
    good.add(node);
  }
  assert.ok(looks <= 3 * nodes.length, `${looks} looks`);
  let calls = 1;
  for (; step(100).length === 0; calls += 1) {
    assert.ok(progress.leftOver && calls < 20, `${calls} calls`);
  }
  assert.equal(calls, 10);
  assert.equal(progress.leftOver, false);
});
