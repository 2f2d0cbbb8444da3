import assert from "node:assert/strict";
import { test } from "node:test";
import { faultDomainsOf } from "./fault-domain.ts";
import { describeEvent, subjectsOf } from "./describe-event.ts";
import { decideReportSight, evolveSight, sightsOf, SIGHTS_MAX } from "./sight.ts";
import { Datacenter } from "./datacenter.ts";
import { evolve } from "./evolve.ts";
import { n1 } from "./testing/samples.ts";

const REPORT = {
  type: "reportSight",
  domain: "rack:k1",
  lost: true,
  silent: 8,
  nodes: 10,
} as const;
const LOST = { type: "sightLost", domain: "rack:k1", silent: 8, nodes: 10 } as const;
const SINCE = { index: 7, stampMs: 70 };

function lostIn(...domains: readonly string[]): Datacenter {
  const state = new Datacenter();
  for (const domain of domains) evolveSight(state, { ...LOST, domain }, SINCE);
  return state;
}

function eventsOf(decision: ReturnType<typeof decideReportSight>): readonly unknown[] {
  return decision.type === "decided" ? decision.events : [];
}

test("decideReportSight() says once that sight was lost, and once that it is back", () => {
  assert.deepEqual(eventsOf(decideReportSight(lostIn(), REPORT)), [LOST]);
  assert.deepEqual(eventsOf(decideReportSight(lostIn("rack:k1"), REPORT)), []);
  const over = { ...REPORT, lost: false, silent: 2 };
  assert.deepEqual(eventsOf(decideReportSight(lostIn("rack:k1"), over)), [
    { type: "sightRegained", domain: "rack:k1", silent: 2 },
  ]);
  assert.deepEqual(eventsOf(decideReportSight(lostIn("rack:k2"), over)), []);
});

test("decideReportSight() records no more than its bound", () => {
  const full = lostIn(...Array.from({ length: SIGHTS_MAX }, (_, at) => `rack:x${at}`));
  assert.deepEqual(eventsOf(decideReportSight(full, REPORT)), []);
});

test("evolveSight() keeps what is lost by domain until it is back", () => {
  const state = lostIn("room:b", "room:a");
  assert.deepEqual(
    state.sights().map(({ domain }) => domain),
    ["room:a", "room:b"],
  );
  evolveSight(state, { type: "sightRegained", domain: "room:a", silent: 0 }, SINCE);
  assert.deepEqual(state.sights(), [{ domain: "room:b", silent: 8, nodes: 10, since: SINCE }]);
});

test("sightsOf() gives those in which a node stands, and no other rack of that name", () => {
  const state = lostIn("rack:a/k1", "room:a", "rack:b/k1", "datacenter", "bus/s1");
  const at = { index: 1, offset: 0, stampMs: 1 };
  evolve(state, { type: "nodeDiscovered", node: n1, incarnation: "i", labels: {} }, at, "test");
  const location = { room: "a", rack: "k1" };
  evolve(state, { type: "nodeUpdated", node: n1, labels: {}, location }, at, "test");
  const node = state.node(n1);
  assert.deepEqual(node && sightsOf(state, node).map(({ domain }) => domain), [
    "datacenter",
    "rack:a/k1",
    "room:a",
  ]);
});

test("faultDomainsOf() goes from the narrowest to the widest, as far as they are known", () => {
  assert.deepEqual(faultDomainsOf({}), ["datacenter"]);
  assert.deepEqual(faultDomainsOf({ rack: "k1" }), ["rack:k1", "datacenter"]);
  const both = ["rack:a/k1", "room:a", "datacenter"];
  assert.deepEqual(faultDomainsOf({ rack: "k1", room: "a", position: "3" }), both);
});

test("a lost sight is told in words, with its share, and found by its domain", () => {
  const words = "sight of rack:k1 was lost: 8 of 10 nodes (80 %) fell silent together";
  assert.equal(describeEvent(LOST), `${words}; verdicts are put off`);
  assert.deepEqual(subjectsOf(LOST), ["faultDomain/rack:k1"]);
});
