import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Measured as ControlPlane } from "../control-plane/table.ts";
import { formatGoals, goalsOf } from "./goals.ts";
import { replaceBlock } from "./publish.ts";
import type { Measured } from "./table.ts";

const none = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

function fleetOf(connected: number, rssMb: number): Measured {
  const sample = { connected, committed: 0, commitP50Ms: 0, commitP99Ms: 0, rssBytes: 0, cpuMs: 0 };
  return {
    agents: 10_000,
    rate: 1_000,
    minutes: 10,
    nats: { inFlight: 256, bytes: 256, perSecond: 30_000, p50Ms: 5, p99Ms: 12 },
    fleet: {
      verdict: "ok",
      workers: 4,
      settleMs: 0,
      runMs: 0,
      drainMs: 0,
      waiting: 0,
      counts: {},
      commitMs: none,
      actionMs: none,
      violations: [],
      rssBytes: 0,
      cpuMs: 0,
      samples: [
        { ...sample, atMs: 0, phase: "starting", connected: 1 },
        { ...sample, atMs: 1, phase: "running" },
      ],
    },
    processes: [
      { atMs: 0, cores: {}, rssMb: { "orchestrator-1": rssMb, nats: 900 }, facts: 0, ...NO_AGES },
      { atMs: 1, cores: {}, rssMb: { "orchestrator-2": 200 }, facts: 0, ...NO_AGES },
    ],
  };
}

const NO_AGES = { p50Ms: undefined, p99Ms: undefined };

function eventsOf(perSecond: number, p99Ms: number): ControlPlane {
  return { type: "events", agents: 1_000, rate: 20_000, perSecond, p50Ms: 10, p99Ms };
}

describe("goalsOf()", () => {
  it("judges each line by its worst round", () => {
    const goals = goalsOf(
      [
        eventsOf(20_000, 80),
        eventsOf(19_900, 101),
        { type: "actions", p50Ms: 4, p99Ms: 12 },
        { type: "agent", rssMb: 60, cores: { n1: 0.002 } },
        { type: "agent", rssMb: 61, cores: { n2: 0.004 } },
      ],
      [fleetOf(10_000, 349)],
    );
    assert.deepEqual(
      goals.map(({ measured, met }) => [measured, met]),
      [
        ["19,900/s, p50 10 ms, p99 101 ms", false],
        ["p50 4.0 ms, p99 12 ms", true],
        ["10,000 connections at the least, ok", true],
        ["349 MB", true],
        ["61 MB, 0.40 % of a core", false],
      ],
    );
    assert.match(formatGoals(goals), /\| 349 MB \| met \|/);
  });

  it("counts the start of a replica, and connections while the fleet runs", () => {
    const goals = goalsOf([], [fleetOf(9_999, 351)]);
    assert.deepEqual(
      goals.map(({ met }) => met),
      [false, false],
    );
  });

  it("says nothing of what was not measured", () => {
    assert.deepEqual(goalsOf([{ ...eventsOf(5_000, 1), rate: 5_000 }], []), []);
  });
});

describe("replaceBlock()", () => {
  const page = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n";

  it("replaces what is between the marks and nothing else, as often as asked", () => {
    const once = replaceBlock(page, "x", "new");
    assert.equal(once, "a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench:x -->\nb\n");
    assert.equal(replaceBlock(once, "x", "new"), once);
  });

  it("refuses a page without the marks, or with more of them", () => {
    assert.throws(() => replaceBlock(page, "y", "new"), /no <!-- bench:y -->/);
    assert.throws(() => replaceBlock("<!-- bench:x -->", "x", "new"), /no <!-- bench:x -->/);
    assert.throws(() => replaceBlock(page + page, "x", "new"), /more than once/);
  });
});
