import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent } from "./event.ts";
import { STABLE_MS } from "./failures.ts";
import type { ActionId } from "./names.ts";
import { actionId, fileTarget } from "./names.ts";
import { FINISHED_ACTIONS_PER_NODE_MAX } from "./state.ts";
import {
  fileSeen,
  given,
  n1,
  renderedService,
  sampleEvents,
  sampleOrders,
  serviceSeen,
  webApp,
  webAppTarget,
} from "./testing/index.ts";
import type { Scenario } from "./testing/index.ts";

const { nodeDiscovered, actionPlanned, actionFailed, actionSucceeded, actionTimedOut } =
  sampleEvents;
const fileKey = fileTarget("/etc/app.conf");

function seen(
  status: Parameters<typeof serviceSeen>[0],
  more: Parameters<typeof serviceSeen>[1] = {},
): DomainEvent {
  return { type: "serviceStatusChanged", node: n1, service: serviceSeen(status, more) };
}

function planned(
  generation: number,
  more: Partial<typeof actionPlanned> = {},
): typeof actionPlanned {
  return { ...actionPlanned, action: actionId(n1, generation), generation, ...more };
}

function countOf(state: Scenario, target = webAppTarget): number {
  return state.node?.failures.get(target)?.count ?? 0;
}

test("an action is open until its first end, and later ends change nothing", () => {
  const state = given(nodeDiscovered, actionPlanned);
  assert.deepEqual([...(state.node?.open ?? [])], [[webAppTarget, "n1-1"]]);
  state.given(actionSucceeded, actionFailed);
  assert.deepEqual([...(state.node?.open ?? [])], []);
  assert.deepEqual(state.node?.finished, ["n1-1"]);
  const action = state.state.action("n1-1" as ActionId);
  assert.deepEqual(
    [action?.status, action?.durationMs, action?.ended?.index],
    ["succeeded", 12, 3],
  );
});

test("a node keeps its newest finished actions only", () => {
  const state = given(nodeDiscovered);
  const total = FINISHED_ACTIONS_PER_NODE_MAX + 5;
  for (let generation = 1; generation <= total; generation += 1) {
    state.given(planned(generation), { ...actionSucceeded, action: actionId(n1, generation) });
  }
  assert.equal(state.node?.finished.length, FINISHED_ACTIONS_PER_NODE_MAX);
  assert.equal(state.node?.finished[0], actionId(n1, 6));
  assert.equal(state.state.action(actionId(n1, 5)), undefined);
  assert.notEqual(state.state.action(actionId(n1, 6)), undefined);
  assert.equal(state.node?.generation, total);
});

test("a second action for a target takes the place of the first", () => {
  const state = given(nodeDiscovered, planned(1), planned(2));
  assert.equal(state.state.action("n1-1" as ActionId)?.status, "cancelled");
  assert.deepEqual([...(state.node?.open.values() ?? [])], ["n1-2"]);
});

test("failures: each crash of a running service counts", () => {
  const state = given(nodeDiscovered, seen("healthy"), seen("crashed"));
  assert.equal(countOf(state), 1);
  state.given(seen("starting"), seen("crashed"), seen("starting"), seen("crashed"));
  assert.deepEqual(state.node?.failures.get(webAppTarget), {
    count: 3,
    last: { index: 7, stampMs: 7_000 },
    reason: "exit status 1",
    digest: "d1",
  });
});

test("failures: turning unhealthy counts, crashing out of it does not count again", () => {
  const state = given(nodeDiscovered, seen("healthy"), seen("unhealthy"), seen("crashed"));
  assert.equal(countOf(state), 1);
});

test("failures: a failed action and the crash of the same attempt count once, in any order", () => {
  const crashFirst = given(
    nodeDiscovered,
    actionPlanned,
    seen("starting"),
    seen("crashed"),
    actionFailed,
  );
  assert.equal(countOf(crashFirst), 1);
  const actionFirst = given(
    nodeDiscovered,
    actionPlanned,
    seen("starting"),
    actionFailed,
    seen("crashed"),
  );
  assert.equal(countOf(actionFirst), 1);
  const unseen = given(nodeDiscovered, actionPlanned, actionFailed, seen("crashed"));
  assert.equal(countOf(unseen), 1);
});

test("failures: attempts that never get as far as starting count one each", () => {
  const state = given(nodeDiscovered, seen("healthy"), seen("crashed"));
  state.given(
    planned(1),
    { ...actionFailed, action: actionId(n1, 1) },
    seen("crashed", { reason: "no such program" }),
  );
  assert.equal(countOf(state), 2);
  state.given(planned(2), seen("crashed", { reason: "no such file" }), {
    ...actionFailed,
    action: actionId(n1, 2),
  });
  assert.equal(countOf(state), 3);
  state.given(planned(3), { ...actionSucceeded, action: actionId(n1, 3) }, seen("crashed"));
  assert.equal(countOf(state), 4);
});

test("failures: the same crash told once more after it was counted does not count again", () => {
  const state = given(
    nodeDiscovered,
    seen("crashed"),
    actionPlanned,
    actionSucceeded,
    seen("crashed"),
  );
  assert.equal(countOf(state), 2);
  assert.equal(state.node?.services.get(webApp)?.since.index, 5);
  state.given(seen("crashed", { reason: "exit status 1, core dumped" }));
  assert.equal(countOf(state), 2);
});

test("failures: a timed-out action counts when nothing else did", () => {
  assert.equal(countOf(given(nodeDiscovered, actionPlanned, actionTimedOut)), 1);
  assert.equal(countOf(given(nodeDiscovered, actionPlanned, seen("crashed"), actionTimedOut)), 1);
});

test("failures: a crash while a stop is ordered does not count", () => {
  const stop = planned(1, { order: sampleOrders.stopService });
  assert.equal(countOf(given(nodeDiscovered, seen("healthy"), stop, seen("crashed"))), 0);
});

test("failures: another digest that is ordered or fails begins anew", () => {
  const twice = (): Scenario =>
    given(nodeDiscovered, seen("healthy"), seen("crashed"), seen("starting"), seen("crashed"));
  assert.equal(countOf(twice()), 2);
  const order = { type: "startService", service: { ...renderedService, digest: "d2" } } as const;
  assert.equal(countOf(twice().given(planned(1, { order }))), 0);
  assert.equal(countOf(twice().given(planned(1))), 2);
  assert.equal(
    countOf(twice().given(seen("starting", { digest: "d2" }), seen("crashed", { digest: "d2" }))),
    1,
  );
});

test("failures: counting begins anew after STABLE_MS of health, not sooner", () => {
  const twice = given(
    nodeDiscovered,
    seen("healthy"),
    seen("crashed"),
    seen("starting"),
    seen("crashed"),
  );
  twice
    .given(seen("healthy"))
    .after(STABLE_MS - 2_000)
    .given(seen("crashed"));
  assert.equal(countOf(twice), 3);
  twice.given(seen("healthy")).after(STABLE_MS).given(seen("crashed"));
  assert.equal(countOf(twice), 1);
});

test("failures: a new reason for the same healthy run does not restart its time", () => {
  const state = given(nodeDiscovered, seen("healthy"), seen("crashed"), seen("healthy"));
  state.after(STABLE_MS).given(seen("healthy", { reason: "slow" }), seen("crashed"));
  assert.equal(countOf(state), 1);
  const since = state.node?.services.get(webApp)?.since;
  assert.equal(since?.index, 6);
});

test("failures: of a file end with a success; of a service they do not", () => {
  const write = planned(1, { target: fileKey, order: sampleOrders.writeFile });
  const state = given(nodeDiscovered, write, actionFailed);
  assert.equal(countOf(state, fileKey), 1);
  state.given({ ...write, action: actionId(n1, 2) }, { ...actionFailed, action: actionId(n1, 2) });
  assert.equal(countOf(state, fileKey), 2);
  state.given(
    { ...write, action: actionId(n1, 3) },
    { ...actionSucceeded, action: actionId(n1, 3) },
  );
  assert.equal(countOf(state, fileKey), 0);
  const service = given(
    nodeDiscovered,
    seen("crashed"),
    actionPlanned,
    actionSucceeded,
    seen("healthy"),
  );
  assert.equal(countOf(service), 1);
});

test("failures: are dropped with what failed", () => {
  const write = planned(1, { target: fileKey, order: sampleOrders.writeFile });
  const state = given(nodeDiscovered, seen("crashed"), write, actionFailed, {
    type: "fileStatusChanged",
    node: n1,
    file: fileSeen("missing"),
  });
  assert.equal(state.node?.failures.size, 2);
  state.given(sampleEvents.serviceForgotten, sampleEvents.fileForgotten);
  assert.equal(state.node?.failures.size, 0);
});
