/** A simulated node on a bus in memory, hit by what hits nodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeOrchestrator, until } from "@atoll/agent-core/testing";
import type { DatacenterName, NodeName, RenderedService, ServiceKey } from "@atoll/domain";
import { MemoryBus } from "@atoll/event-bus";
import { systemClock } from "@atoll/service-kit/process";
import { Prng } from "@atoll/stdx";
import { Tally } from "../report/tally.ts";
import { FleetNode } from "./fleet-node.ts";
import type { WorkOptions } from "./simulated-services.ts";

const KEY = "load/app" as ServiceKey;
const SERVICE: RenderedService = {
  key: KEY,
  driver: "process",
  command: ["app"],
  unit: "",
  environment: {},
  stopTimeoutMs: 1_000,
  digest: "d1",
};
const QUICK: WorkOptions = { workMs: () => 1, fails: () => false, lies: false };

interface World {
  readonly node: FleetNode;
  readonly orchestrator: FakeOrchestrator;
  readonly tally: Tally;
  readonly bus: MemoryBus;
}

async function withNode(
  body: (world: World) => Promise<void>,
  work: WorkOptions = QUICK,
): Promise<void> {
  const bus = new MemoryBus({
    deliver: (_delivery, run) => void setImmediate(run),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  });
  const orchestratorBus = bus.orchestrator();
  const orchestrator = new FakeOrchestrator(orchestratorBus, "n1");
  const tally = new Tally();
  const node = new FleetNode({
    datacenter: "dc1" as DatacenterName,
    name: "n1" as NodeName,
    labels: { rack: "rack-1" },
    work,
    connect: () => bus.agent("n1"),
    clock: systemClock,
    random: new Prng(1),
    tally,
    runId: "test",
    onBroken: (error) => assert.fail(String(error)),
  });
  await node.start();
  try {
    await until(() => node.settled, "the node is known");
    await body({ node, orchestrator, tally, bus });
    assert.deepEqual([...tally.violations], []);
  } finally {
    await node.kill();
    await orchestratorBus.close();
  }
}

test("a node reports itself, runs what it is ordered, and says so", () =>
  withNode(async ({ node, orchestrator, tally }) => {
    assert.deepEqual(
      orchestrator.facts.map(({ type }) => type),
      ["agentStarted", "inventoryObserved"],
    );
    const result = await orchestrator.carryOut({ type: "startService", service: SERVICE });
    assert.equal(result.outcome, "succeeded");
    assert.equal(orchestrator.services.get(KEY)?.status, "healthy");
    await until(() => node.waiting === 0, "all is committed");
    assert.equal(tally.of("actionsRun"), 1);
    assert.equal(tally.of("factsTaken"), tally.of("factsCommitted"));
    assert.equal(tally.commitMs.count, tally.of("factsTaken"));
  }));

test("each change is a fact of its own, and about as large as was asked", () =>
  withNode(async ({ node, orchestrator }) => {
    node.change(100);
    await orchestrator.carryOut({ type: "startService", service: SERVICE });
    node.change(100);
    const reasons = (): string[] =>
      [
        ...orchestrator.ofType("serviceRestartedAlone").map(({ reason }) => reason),
        ...orchestrator.ofType("serviceObserved").map(({ service }) => service.reason),
      ].filter((reason) => reason !== "");
    await until(() => reasons().length === 2, "both are committed");
    assert.deepEqual(
      reasons().map((reason) => [reason.slice(0, 5), reason.length]),
      [
        ["n1#1 ", 100],
        ["n1#2 ", 100],
      ],
    );
  }));

test("a killed agent comes back with a new boot, and what ran still runs", () =>
  withNode(async ({ node, orchestrator }) => {
    await orchestrator.carryOut({ type: "startService", service: SERVICE });
    const { incarnation } = orchestrator;
    await node.kill();
    assert.equal(node.running, false);
    node.change(10);
    await node.start();
    await until(() => orchestrator.watermark.boot === 2, "the second boot");
    assert.equal(orchestrator.incarnation, incarnation);
    assert.equal(orchestrator.services.get(KEY)?.status, "healthy");
  }));

test("power that goes takes services and work with it", () =>
  withNode(
    async ({ node, orchestrator, tally }) => {
      const reply = await orchestrator.send({ type: "startService", service: SERVICE });
      assert.equal(reply?.code, "accepted");
      await node.losePower();
      await node.start();
      const result = await orchestrator.result(reply?.action ?? "");
      assert.equal(result.outcome, "failed");
      const starts = orchestrator.ofType("agentStarted");
      assert.notEqual(starts.at(-1)?.bootId, starts[0]?.bootId);
      assert.equal(tally.of("actionsRun"), 1);
      assert.equal(tally.of("repeated"), 0);
    },
    { ...QUICK, workMs: () => 60_000 },
  ));

test("a wiped node is another one under the same name", () =>
  withNode(async ({ node, orchestrator }) => {
    await orchestrator.carryOut({ type: "startService", service: SERVICE });
    const { incarnation } = orchestrator;
    await node.wipe();
    await node.start();
    await until(() => orchestrator.incarnation !== incarnation, "another incarnation");
    await until(() => node.settled, "the node is known");
    assert.deepEqual(orchestrator.ofType("agentStarted").at(-1)?.services, []);
  }));

test("a connection that is cut loses nothing", () =>
  withNode(async ({ node, orchestrator, tally }) => {
    node.change(10);
    const cut = node.reconnect();
    node.change(10);
    await cut;
    const arrived = (): number => orchestrator.ofType("serviceRestartedAlone").length;
    await until(() => arrived() === 2 && node.waiting === 0, "all is committed");
    assert.equal(orchestrator.ofType("agentStarted").length, 1);
    assert.equal(tally.of("factsCommitted"), tally.of("factsTaken"));
  }));

test("a liar's service crashes right after it is said to run", () =>
  withNode(
    async ({ orchestrator }) => {
      const result = await orchestrator.carryOut({ type: "startService", service: SERVICE });
      assert.equal(result.outcome, "succeeded");
      const statuses = orchestrator.ofType("serviceObserved").map(({ service }) => service.status);
      assert.deepEqual(statuses, ["healthy", "crashed"]);
    },
    { ...QUICK, lies: true },
  ));

test("a crash is timed until its order is accepted", () =>
  withNode(async ({ node, orchestrator, tally }) => {
    await orchestrator.carryOut({ type: "startService", service: SERVICE });
    node.crashService();
    await until(() => orchestrator.services.get(KEY)?.status === "crashed", "it is reported");
    await orchestrator.carryOut({ type: "restartService", service: SERVICE });
    assert.equal(tally.actionMs.count, 1);
    assert.equal(orchestrator.services.get(KEY)?.status, "healthy");
  }));
