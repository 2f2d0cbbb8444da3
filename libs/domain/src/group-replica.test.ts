/** The rules about replicas of the own group: what may be asked, and what it leads to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserCommand } from "./command.ts";
import { decide } from "./decide.ts";
import { given, n1, sampleEvents } from "./testing/index.ts";

const CONTEXT = { nowMs: 1, actor: "ann", requestId: "" };

function at(replica: number, address = `10.0.0.${replica}:7500`, replaces = 0) {
  return { type: "replicaAddressSet", replica, address, replaces } as const;
}

function add(replica: number, address = `10.0.0.${replica}:7500`, replaces = 0): UserCommand {
  return { type: "addReplica", replica, address, replaces };
}

test("addReplica: a new one is wanted, the same again changes nothing, it may move", () => {
  const state = given(at(1), at(2), at(3));
  const decided = decide(state.state, add(4), CONTEXT);
  assert.deepEqual(decided.type === "decided" && decided.events, [at(4)]);
  assert.deepEqual(decide(state.state, add(3), CONTEXT), {
    type: "decided",
    events: [],
    operation: "",
  });
  const moved = decide(state.state, add(3, "10.9.9.9:1"), CONTEXT);
  assert.deepEqual(moved.type === "decided" && moved.events, [at(3, "10.9.9.9:1")]);
});

test("addReplica: what cannot be is refused with what is allowed", () => {
  const { state: datacenter } = given(at(1), at(2), at(3), { type: "replicaRetired", replica: 3 });
  const refusals = [
    add(0),
    add(10_000),
    add(4, "nowhere"),
    add(4, "host:70000"),
    add(4, "10.0.0.1:7500"),
    add(3),
    add(4, "10.0.0.4:7500", 4),
    add(4, "10.0.0.4:7500", 7),
  ].map((command) => decide(datacenter, command, CONTEXT));
  assert.deepEqual(
    refusals.map((refusal) => refusal.type === "rejected" && refusal.code),
    [
      "invalidArgument",
      "invalidArgument",
      "invalidArgument",
      "invalidArgument",
      "alreadyExists",
      "failedPrecondition",
      "invalidArgument",
      "notFound",
    ],
  );
});

test("addReplica: one that replaces may stand where the old one stood", () => {
  const { state: datacenter } = given(at(1), at(2), at(3));
  const decision = decide(datacenter, add(4, "10.0.0.3:7500", 3), CONTEXT);
  assert.deepEqual(decision.type === "decided" && decision.events, [at(4, "10.0.0.3:7500", 3)]);
});

test("removeReplica: retires, then forgets, and clears who replaces it", () => {
  const state = given(at(1), at(2), at(3), at(4, "10.0.0.3:7500", 3));
  const forget: UserCommand = { type: "forgetReplica", replica: 3 };
  const early = decide(state.state, forget, CONTEXT);
  assert.equal(early.type === "rejected" && early.code, "failedPrecondition");
  state.given({ type: "replicaRetired", replica: 3 });
  assert.equal(state.state.groupReplica(3)?.status, "retired");
  const late = decide(state.state, forget, CONTEXT);
  assert.deepEqual(late.type === "decided" && late.events, [
    { type: "replicaForgotten", replica: 3 },
  ]);
  state.given({ type: "replicaForgotten", replica: 3 });
  assert.deepEqual(
    [...state.state.groupReplicas()].map(({ id, replaces }) => [id, replaces]),
    [
      [1, 0],
      [2, 0],
      [4, 0],
    ],
  );
});

test("removeReplica: the last one that is wanted stays", () => {
  const { state: datacenter } = given(at(1), at(2), { type: "replicaRetired", replica: 2 });
  const decision = decide(datacenter, { type: "removeReplica", replica: 1 }, CONTEXT);
  assert.equal(decision.type === "rejected" && decision.code, "failedPrecondition");
});

test("groupRestored: no action's id of the lost group is given out again", () => {
  const state = given(sampleEvents.nodeDiscovered, sampleEvents.actionPlanned);
  const before = state.state.node(n1)?.generation ?? 0;
  state.given(sampleEvents.groupRestored);
  assert.equal(state.state.node(n1)?.generation, before + 1_000_000);
  assert.equal(state.state.action(sampleEvents.actionPlanned.action)?.status, "planned");
});
