/**
 * Properties of the whole domain, over random histories.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, Prng } from "@atoll/stdx";
import { Datacenter } from "./datacenter.ts";
import { describeEvent, nodeOf, subjectsOf } from "./describe-event.ts";
import type { Draft } from "./draft.ts";
import type { LogEntry } from "./event.ts";
import { evolve, evolveEntry } from "./evolve.ts";
import type { Fact, FactBatch } from "./fact.ts";
import { decide } from "./decide.ts";
import type { StateView } from "./state.ts";
import {
  batchOf,
  eventTypesOf,
  makeHistory,
  n1,
  sampleEvents,
  serviceSeen,
} from "./testing/index.ts";

const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1);
const STEPS = 250;

function show(view: StateView): string {
  const nodes = [...view.nodes()];
  const actions = nodes
    .flatMap((node) => [...node.open.values(), ...node.finished])
    .map((id) => view.action(id));
  const {
    stampMs: _stamp,
    stream: _stream,
    ...counts
  } = {
    stampMs: 0,
    stream: undefined,
    operationCount: view.operationCount,
    pause: view.pause ?? "none",
    storms: [...view.storms()],
    runningOperationCount: view.runningOperationCount,
  };
  return canonicalJson({
    nodes,
    actions,
    roles: [...view.roles()],
    running: [...view.runningOperations()],
    replicas: [...view.groupReplicas()],
    sights: [...view.sights()],
    ...counts,
  });
}

test("history: a leader's draft comes to the same state as the log, at every step", () => {
  for (const seed of SEEDS) {
    const state = new Datacenter();
    for (const { index, draft } of makeHistory(seed, STEPS, state)) {
      assert.equal(show(draft satisfies Draft), show(state), `seed ${seed}, entry ${index}`);
    }
  }
});

test("history: random histories have every type of event in them", () => {
  const entries: LogEntry[] = SEEDS.flatMap((seed) =>
    [...makeHistory(seed, STEPS)].map(({ entry }) => entry),
  );
  assert.deepEqual([...eventTypesOf(entries)].toSorted(), Object.keys(sampleEvents).toSorted());
});

test("history: what the state holds together is never torn apart", () => {
  for (const seed of SEEDS) {
    const state = new Datacenter();
    for (const { index } of makeHistory(seed, STEPS, state)) {
      for (const node of state.nodes()) {
        for (const [target, id] of node.open) {
          const action = state.action(id);
          assert.equal(action?.status, "planned", `seed ${seed}, entry ${index}, ${id}`);
          assert.equal(action?.target, target);
        }
        for (const id of node.finished)
          assert.notEqual(state.action(id)?.status ?? "planned", "planned");
        assert.equal(state.forgottenNode(node.name), undefined);
      }
    }
  }
});

test("history: evolve() takes the events of a history in any order without a throw", () => {
  for (const seed of SEEDS) {
    const prng = new Prng(seed);
    const recorded = [...makeHistory(seed, STEPS)].flatMap(({ entry }) => entry.events);
    const state = new Datacenter();
    for (const [at, { event }] of prng.shuffle(recorded).entries()) {
      evolve(state, event, { index: at + 1, offset: 0, stampMs: at }, "tester");
    }
  }
});

test("history: an id of an action or operation is given once", () => {
  for (const seed of SEEDS) {
    const ids = [...makeHistory(seed, STEPS)].flatMap(({ entry }) =>
      entry.events.flatMap(({ event }): string[] =>
        event.type === "actionPlanned"
          ? [event.action]
          : event.type === "operationStarted"
            ? [event.operation]
            : [],
      ),
    );
    assert.equal(new Set(ids).size, ids.length, `seed ${seed}`);
  }
});

test("history: replaying the entries gives the same state", () => {
  for (const seed of SEEDS) {
    const state = new Datacenter();
    const entries = [...makeHistory(seed, STEPS, state)].map(({ entry }) => entry);
    const replayed = new Datacenter();
    for (const [at, entry] of entries.entries()) evolveEntry(replayed, entry, at + 1);
    assert.equal(show(replayed), show(state));
  }
});

test("acceptFacts takes each fact exactly once under loss, repetition and reorder", () => {
  for (const seed of SEEDS) {
    const prng = new Prng(seed);
    const batches = cut(prng);
    const count = Math.max(...batches.flatMap(({ facts }) => facts.map(numberOf)));
    const state = new Datacenter();
    const taken: number[] = [];
    let index = 0;
    // As the agent does: sends all of it again, until the watermark covers everything.
    for (let round = 0; taken.length < count; round += 1) {
      assert.ok(round < 1_000, `seed ${seed} makes no progress`);
      const sent = batches.flatMap((batch) => Array.from({ length: prng.below(3) }, () => batch));
      for (const batch of prng.chance(1, 2) ? sent : prng.shuffle(sent)) {
        const decision = decide(
          state,
          { type: "acceptFacts", batch },
          { nowMs: 1, actor: "", requestId: "" },
        );
        if (decision.type === "rejected" || decision.events.length === 0) continue;
        index += 1;
        evolveEntry(
          state,
          { stampMs: 1, events: decision.events.map((event) => ({ event, actor: "" })) },
          index,
        );
        for (const event of decision.events) {
          if (event.type === "serviceStatusChanged") taken.push(event.service.pid);
        }
      }
    }
    assert.deepEqual(
      taken,
      Array.from({ length: count }, (_, at) => at + 1),
      `seed ${seed}`,
    );
  }
});

function numberOf(fact: Fact): number {
  return fact.type === "serviceObserved" ? fact.service.pid : 0;
}

/**
 * The facts 1, 2, 3 … of three boots, cut into batches at random, some of which reach into the one
 * after.
 */
function cut(prng: Prng): FactBatch[] {
  const batches: FactBatch[] = [];
  let number = 0;
  let previous = { boot: 0, sequence: 0 };
  for (let boot = 1; boot <= 3; boot += 1) {
    const facts = Array.from({ length: prng.between(3, 12) }, (): Fact => {
      number += 1;
      return {
        type: "serviceObserved",
        observedAtMs: 1,
        service: serviceSeen("healthy", { pid: number }),
      };
    });
    for (let from = 0; from < facts.length;) {
      const to = Math.min(facts.length, from + prng.between(1, 4));
      const before = from === 0 ? previous : { boot, sequence: from };
      const reach = to + prng.below(3);
      batches.push(
        batchOf(facts.slice(from, reach), {
          previous: before,
          first: { boot, sequence: from + 1 },
        }),
      );
      from = to;
    }
    previous = { boot, sequence: facts.length };
  }
  return batches;
}

test("describeEvent() has a sentence for every event, subjectsOf() what it is about", () => {
  for (const event of Object.values(sampleEvents)) {
    const text = describeEvent(event);
    assert.ok(text.length > 10 && text.length < 200 && !text.includes("undefined"), text);
    assert.equal(nodeOf(event), "node" in event ? n1 : undefined);
  }
  assert.deepEqual(subjectsOf(sampleEvents.actionPlanned), [
    "node/n1",
    "action/n1-1",
    "service:web/app",
  ]);
  assert.deepEqual(subjectsOf(sampleEvents.roleApplied), ["role/web"]);
  assert.deepEqual(subjectsOf(sampleEvents.fileStatusChanged), ["node/n1", "file:/etc/app.conf"]);
  assert.deepEqual(subjectsOf(sampleEvents.requestRecorded), ["operation/op-1"]);
  const long = describeEvent({ ...sampleEvents.actionFailed, reason: "x".repeat(5_000) });
  assert.ok(long.length < 400);
});
