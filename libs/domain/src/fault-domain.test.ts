import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter } from "./datacenter.ts";
import { Draft } from "./draft.ts";
import { evolveEntry } from "./evolve.ts";
import type { StateView } from "./state.ts";
import type { FaultDomainName } from "./fault-domain.ts";
import { faultDomainOf, isAiling } from "./fault-domain.ts";
import { makeHistory } from "./testing/index.ts";

test("faultDomainOf() is the rack, else the room, else the datacenter", () => {
  const names = [
    {},
    { position: "7" },
    { room: "a" },
    { rack: "r1" },
    { room: "a", rack: "r1", position: "7" },
    { rack: "a/r1" },
  ].map(faultDomainOf);
  assert.deepEqual(names, [
    "datacenter",
    "datacenter",
    "room:a",
    "rack:r1",
    "rack:a/r1",
    "rack:a%2Fr1",
  ]);
});

/** What the index must say, counted over all nodes. */
function counted(view: StateView): ReadonlyMap<FaultDomainName, unknown> {
  const domains = new Map<
    FaultDomainName,
    { nodes: number; disrupted: string[]; ailing: string[] }
  >();
  for (const node of view.nodes()) {
    const name = faultDomainOf(node.location);
    const domain = domains.get(name) ?? { nodes: 0, disrupted: [], ailing: [] };
    domains.set(name, domain);
    domain.nodes += 1;
    if (node.disrupted.size > 0) domain.disrupted.push(node.name);
    if (isAiling(node)) domain.ailing.push(node.name);
  }
  return domains;
}

function indexed(view: StateView, names: Iterable<FaultDomainName>): Map<FaultDomainName, unknown> {
  return new Map(
    [...names].map((name) => {
      const tally = view.faultDomain(name);
      const disrupted = [...view.disruptedNodes(name)].toSorted();
      const ailing = [...view.ailingNodes(name)].toSorted();
      const { nodes } = tally;
      assert.deepEqual(tally, { nodes, disrupted: disrupted.length, ailing: ailing.length }, name);
      return [name, { nodes, disrupted, ailing }];
    }),
  );
}

test("fault domains are counted as over all nodes, in states, drafts and copies alike", () => {
  let disrupted = 0;
  for (let seed = 1; seed <= 8; seed += 1) {
    const state = new Datacenter();
    let before = state.copy();
    let known = counted(before);
    for (const { index, entry } of makeHistory(seed, 250, state)) {
      const hint = `seed ${seed}, entry ${index}`;
      const model = counted(state);
      assert.deepEqual(indexed(state, model.keys()), model, hint);
      const draft = new Draft(before);
      evolveEntry(draft, entry, index);
      assert.deepEqual(indexed(draft, model.keys()), model, `${hint}, as a draft`);
      assert.deepEqual(indexed(before, known.keys()), known, `${hint}, the copy before it`);
      before = state.copy();
      known = model;
      disrupted += [...state.nodes()].filter((node) => node.disrupted.size > 0).length;
    }
  }
  assert.ok(disrupted > 50, `${disrupted}`);
});
