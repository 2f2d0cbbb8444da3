/** Scenarios: what is read, what is refused, and what they lead to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "@atoll/service-kit/process";
import { drawHappenings, drawTraits, rackOf } from "./happenings.ts";
import { parseScenario, readScenarioText, type RawScenario } from "./parse-scenario.ts";
import { FIELD_NAMES, FIELDS } from "./scenario.ts";

function problemsOf(raw: RawScenario): readonly string[] {
  try {
    parseScenario(raw);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

test("parseScenario() of nothing gives every default", () => {
  const scenario = parseScenario({});
  for (const name of FIELD_NAMES) {
    const field = FIELDS[name];
    if ("default" in field) assert.equal(scenario[name], field.default, name);
  }
  assert.deepEqual(scenario.labels, {});
  assert.deepEqual(scenario.rackOutages, []);
});

test("a file says the same as options do", () => {
  const text = [
    "agents: 400",
    "duration: 90s",
    "actionMax: 1.5s",
    "labels: { fleet: load, tier: gold }",
    "rackOutages: [2 at 20s for 10s, 1 at 1m for 500ms]",
    "reconnects: 100% at 30s",
  ].join("\n");
  const read = parseScenario(readScenarioText(text, "scenario.yaml"));
  const given = parseScenario({
    agents: "400",
    duration: "90",
    actionMax: "1500ms",
    labels: "fleet=load,tier=gold",
    rackOutages: ["2 at 20s for 10s", "1 at 60s for 500ms"],
    reconnects: ["100% at 30s"],
  });
  assert.deepEqual(read, given);
  assert.deepEqual(read.rackOutages[1], { racks: 1, atMs: 60_000, lastsMs: 500 });
  assert.equal(read.durationMs, 90_000);
});

test("parseScenario() names everything that is wrong at once", () => {
  assert.deepEqual(
    problemsOf({
      agentz: 5,
      agents: 50_001,
      duration: "soon",
      rackOutages: "2 racks",
      reconnects: "0% at 3s",
      labels: "Fleet!=load",
    })
      .map((problem) => problem.slice(0, problem.indexOf(":")))
      .toSorted(),
    ["agents", "agentz", "duration", "labels", "rackOutages", "reconnects"],
  );
  assert.match(problemsOf({ agentz: 5 }).join(), /agents\?/);
});

test("parseScenario() refuses values that contradict each other", () => {
  const refused: readonly RawScenario[] = [
    { prefix: "Upper" },
    { prefix: "n".repeat(60), agents: 10_000 },
    { actionMin: "2s", actionMax: "1s" },
    { racks: 3, rackOutages: "4 at 1s for 1s" },
    { duration: "30s", rackOutages: "1 at 25s for 10s" },
    { duration: "30s", reconnects: "5% at 31s" },
  ];
  for (const raw of refused) assert.equal(problemsOf(raw).length, 1, JSON.stringify(raw));
});

test("readScenarioText() refuses what is no mapping", () => {
  assert.deepEqual(readScenarioText("", "f"), {});
  for (const text of ["- a", "word", "{ a: "]) {
    assert.throws(() => readScenarioText(text, "f"), ConfigError, text);
  }
});

const BUSY = parseScenario({
  agents: 120,
  racks: 6,
  duration: "60s",
  seed: 7,
  crashesPerMinute: 30,
  restartsPerMinute: 20,
  wipesPerMinute: 10,
  flappingPercent: 10,
  lyingPercent: 50,
  rackOutages: "2 at 20s for 10s",
  reconnects: "50% at 30s",
});

test("the same scenario leads to the same happenings, another seed to others", () => {
  const first = drawHappenings(BUSY);
  assert.deepEqual(drawHappenings(BUSY), first);
  assert.notDeepEqual(drawHappenings({ ...BUSY, seed: 8 }), first);
  assert.ok(first.every(({ atMs }, at) => at === 0 || atMs >= (first[at - 1]?.atMs ?? 0)));
  assert.ok(first.every(({ atMs, agent }) => atMs <= 60_000 && agent < 120));
});

test("drawHappenings() gives as many of each as the scenario says", () => {
  const happenings = drawHappenings(BUSY);
  const count = (type: string): number => happenings.filter((one) => one.type === type).length;
  assert.equal(count("serviceCrash"), 30);
  assert.equal(count("agentRestart"), 20);
  assert.equal(count("wipe"), 10);
  const flappers = Array.from({ length: 120 }, (_, agent) => agent).filter(
    (agent) => drawTraits(BUSY, agent).flapping,
  );
  assert.ok(flappers.length > 0);
  assert.equal(count("flap"), flappers.length * 60);
  assert.ok(count("reconnect") > 30 && count("reconnect") < 90);
});

test("an outage takes whole racks, and gives each node its power back", () => {
  const happenings = drawHappenings(BUSY);
  const off = happenings.filter(({ type }) => type === "powerOff");
  const on = happenings.filter(({ type }) => type === "powerOn");
  const dark = new Set(off.map(({ agent }) => rackOf(BUSY, agent)));
  assert.equal(dark.size, 2);
  assert.equal(off.length, 40);
  assert.deepEqual(
    on.map(({ agent, atMs }) => [agent, atMs]),
    off.map(({ agent, atMs }) => [agent, atMs + 10_000]),
  );
});
