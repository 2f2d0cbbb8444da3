/** Only subjects of this datacenter and kind with a DNS label for a node are ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Subjects } from "./subjects.ts";

const subjects = new Subjects("dc1");

test("Subjects.nodeOf() takes back what of() made", () => {
  for (const kind of ["fact", "directive", "act", "probe"] as const) {
    assert.equal(subjects.nodeOf(kind, subjects.of(kind, "n-1")), "n-1");
  }
});

test("Subjects.nodeOf() refuses what is not ours", () => {
  const foreign = [
    "atoll.dc2.fact.n1",
    "atoll.dc1.act.n1",
    "atoll.dc1.fact",
    "atoll.dc1.fact.",
    "atoll.dc1.fact.n1.more",
    "atoll.dc1.fact.N1",
    "atoll.dc1.fact.-n1",
    "atoll.dc1.fact.n1-",
    "atoll.dc1.fact.*",
    "atoll.dc1.fact.>",
    `atoll.dc1.fact.${"x".repeat(64)}`,
    "atoll.dc1.fact.n\u0000",
    "$JS.API.STREAM.DELETE.ATOLL_FACTS_dc1",
    "",
  ];
  assert.deepEqual(
    foreign.filter((subject) => subjects.nodeOf("fact", subject) !== undefined),
    [],
  );
});

test("Subjects refuses names that would reach beyond one node", () => {
  assert.throws(() => new Subjects("dc1.fact"));
  assert.throws(() => new Subjects("*"));
  for (const node of ["*", ">", "a.b", "", "A"]) assert.throws(() => subjects.of("act", node));
});

test("Subjects.heartbeat() puts a node into its shard, for ever the same", () => {
  assert.equal(subjects.heartbeat("n1"), "atoll.dc1.heartbeat.1.n1");
  assert.throws(() => subjects.heartbeat("a.b"));
});
