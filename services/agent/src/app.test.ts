/**
 * The whole agent on a bus in memory: what an orchestrator sees of it, through restarts and cuts.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openLevelStore } from "@atoll/agent-core/level-store";
import { until } from "@atoll/agent-core/testing";
import { encodeDirective } from "@atoll/codec/agent";
import type { Order, ServiceKey } from "@atoll/domain";
import { silentLog } from "@atoll/service-kit/process";
import { startApp } from "./app.ts";
import {
  type AgentFixture,
  configOf,
  fileSpec,
  serviceSpec,
  withAgent,
} from "./testing/agent-fixture.ts";

const SLEEP = "exec sleep 1000";

test("an agent reports its start first, then its inventory, then heartbeats", () =>
  withAgent(
    async ({ orchestrator }) => {
      await until(() => orchestrator.facts.length >= 2, "the first facts");
      const [first, second] = orchestrator.facts;
      assert.equal(first?.type, "agentStarted");
      assert.deepEqual(first?.type === "agentStarted" && first.labels, { rack: "r1" });
      assert.equal(second?.type, "inventoryObserved");
      await until(() => orchestrator.heartbeats.length >= 2, "heartbeats");
      const known = orchestrator.heartbeats.at(-1);
      const instance = known?.process?.instance;
      assert.match(instance ?? "", /^[0-9a-f]{16}$/);
      assert.deepEqual(known?.committed, { ...orchestrator.watermark, instance });
      assert.deepEqual(known?.last, { ...orchestrator.watermark, instance });
    },
    { labels: { rack: "r1" } },
  ));

test("orders are carried out, and what they change is reported before their results", () =>
  withAgent(async ({ orchestrator, root }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const file = fileSpec("/etc/app.conf", "port=1\n");
    assert.equal((await orchestrator.carryOut({ type: "writeFile", file })).outcome, "succeeded");
    assert.equal(await readFile(join(root, "etc/app.conf"), "utf8"), "port=1\n");
    const started = await orchestrator.carryOut({
      type: "startService",
      service: serviceSpec(`cat etc/app.conf; ${SLEEP}`),
    });
    assert.equal(started.outcome, "succeeded");
    assert.equal(orchestrator.services.get("web/app")?.status, "healthy");
    await orchestrator.carryOut({ type: "stopService", key: "web/app" as ServiceKey });
    await orchestrator.carryOut({ type: "removeFile", path: file.path });
    assert.ok(!existsSync(join(root, "etc")));
    const types = orchestrator.facts
      .filter((fact) => fact.type !== "inventoryObserved")
      .map((fact) => (fact.type === "serviceObserved" ? fact.service.status : fact.type));
    assert.deepEqual(types, [
      "agentStarted",
      "fileObserved",
      "actionFinished",
      "healthy",
      "actionFinished",
      "stopped",
      "serviceForgotten",
      "actionFinished",
      "fileForgotten",
      "actionFinished",
    ]);
  }));

test("a failed action says why", () =>
  withAgent(async ({ orchestrator }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const file = { ...fileSpec("/a", "x"), owner: "no-such-user" };
    const refused = await orchestrator.carryOut({ type: "writeFile", file });
    assert.deepEqual(
      [refused.outcome, refused.reason],
      ["failed", 'there is no user "no-such-user"'],
    );
    const service = serviceSpec(SLEEP, { command: ["/no/such/program"] });
    const missing = await orchestrator.carryOut({ type: "startService", service });
    assert.deepEqual(
      [missing.outcome, missing.reason],
      ["failed", "program /no/such/program does not exist"],
    );
  }));

test("an order that is repeated is accepted again and carried out once", () =>
  withAgent(async ({ orchestrator, root, restart }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const runs = join(root, "runs");
    const service = serviceSpec(`echo run >> ${runs}; ${SLEEP}`);
    const order = { type: "restartService", service } as const;
    const again = { action: "n1-1", generation: 1 };
    const replies = await Promise.all([1, 2, 3].map(() => orchestrator.send(order, again)));
    assert.deepEqual(
      replies.map((reply) => reply?.code),
      ["accepted", "accepted", "accepted"],
    );
    await orchestrator.result("n1-1");
    await restart();
    assert.equal((await orchestrator.send(order, again))?.code, "accepted");
    await until(() => existsSync(runs), "the service has run");
    await orchestrator.carryOut({ type: "writeFile", file: fileSpec("/later", "x") });
    assert.equal(readFileSync(runs, "utf8"), "run\n");
    const results = orchestrator.ofType("actionFinished").filter(({ action }) => action === "n1-1");
    assert.equal(results.length, 1);
  }));

test("a deposed leader, a stale generation, another life and garbage are refused", () =>
  withAgent(async ({ orchestrator, restart }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const order = { type: "writeFile", file: fileSpec("/a", "x") } as const;
    assert.equal((await orchestrator.send(order, { term: 5, generation: 10 }))?.code, "accepted");
    await restart();
    const old = await orchestrator.send(order, { term: 4, generation: 11 });
    assert.deepEqual([old?.code, old?.term], ["staleTerm", 5]);
    const stale = await orchestrator.send(order, { term: 5, generation: 9 });
    assert.equal(stale?.code, "staleGeneration");
    const other = await orchestrator.send(order, { term: 5, generation: 12, incarnation: "other" });
    assert.equal(other?.code, "otherIncarnation");
    const escape = { type: "writeFile", file: fileSpec("/../a", "x") } as const;
    const odd = await orchestrator.send(escape, { term: 5, generation: 13 });
    assert.equal(odd?.code, "unable");
    assert.match(odd?.reason ?? "", /not understood/);
  }));

test("in observe mode every order is refused and nothing is touched", () =>
  withAgent(
    async ({ orchestrator, root }) => {
      await until(() => orchestrator.incarnation !== "", "the node is known");
      const reply = await orchestrator.send({ type: "writeFile", file: fileSpec("/a", "x") });
      assert.deepEqual([reply?.code, reply?.reason], ["unable", "this agent only observes"]);
      assert.ok(!existsSync(join(root, "a")));
    },
    { mode: "observe" },
  ));

test("an action that is overtaken while it waits is not carried out", () =>
  withAgent(async ({ orchestrator, root }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const ready = join(root, "ready");
    const service = serviceSpec(`trap "" TERM; touch ${ready}; while :; do sleep 1; done`, {
      stopTimeoutMs: 300,
    });
    await orchestrator.carryOut({ type: "startService", service });
    await until(() => existsSync(ready), "the trap is set");
    const other = serviceSpec(SLEEP, { digest: "second" });
    const replies = await Promise.all([
      orchestrator.send({ type: "restartService", service }, { generation: 10 }),
      orchestrator.send({ type: "startService", service }, { generation: 11 }),
      orchestrator.send({ type: "startService", service: other }, { generation: 12 }),
    ]);
    assert.deepEqual(
      replies.map((reply) => reply?.code),
      ["accepted", "accepted", "accepted"],
    );
    assert.equal((await orchestrator.result("n1-12")).outcome, "succeeded");
    const overtaken = await orchestrator.result("n1-11");
    assert.deepEqual(
      [overtaken.outcome, overtaken.reason],
      ["failed", "overtaken by n1-12 before it began"],
    );
    assert.equal(orchestrator.services.get("web/app")?.digest, "second");
  }));

test("an action that takes too long fails with its time, once", () =>
  withAgent(async ({ orchestrator, root }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const ready = join(root, "ready");
    const service = serviceSpec(`trap "" TERM; touch ${ready}; while :; do sleep 1; done`, {
      stopTimeoutMs: 1_000,
    });
    await orchestrator.carryOut({ type: "startService", service });
    await until(() => existsSync(ready), "the trap is set");
    const order = { type: "stopService", key: service.key } as const;
    const reply = await orchestrator.send(order, { timeoutMs: 100 });
    const result = await orchestrator.result(reply?.action ?? "");
    assert.deepEqual([result.outcome, result.reason], ["failed", "not done within 100 ms"]);
    await until(() => orchestrator.services.size === 0, "it stops all the same");
    await orchestrator.carryOut({ type: "writeFile", file: fileSpec("/later", "x") });
    const results = orchestrator
      .ofType("actionFinished")
      .filter((each) => each.action === reply?.action);
    assert.equal(results.length, 1);
  }));

test("a restarted agent adopts its services and files and says so first", () =>
  withAgent(async ({ orchestrator, root, restart }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    await orchestrator.carryOut({ type: "writeFile", file: fileSpec("/a", "wanted\n") });
    await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
    const { pid } = orchestrator.services.get("web/app") ?? { pid: 0 };
    await writeFile(join(root, "a"), "by hand\n");
    await until(() => orchestrator.ofType("fileObserved").length === 2, "the drift is seen");
    await restart();
    await until(() => orchestrator.ofType("agentStarted").length === 2, "the second start");
    const started = orchestrator.ofType("agentStarted")[1];
    assert.deepEqual(
      started?.services.map((service) => [service.key, service.status, service.pid]),
      [["web/app", "healthy", pid]],
    );
    assert.deepEqual(
      started?.files.map((file) => [file.path, file.status]),
      [["/a", "drifted"]],
    );
    assert.match(started?.files[0]?.diff ?? "", /-wanted\n\+by hand/);
  }));

test("a crash is reported with its cause at once", () =>
  withAgent(async ({ orchestrator }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
    process.kill(orchestrator.services.get("web/app")?.pid ?? 0, "SIGKILL");
    await until(() => orchestrator.services.get("web/app")?.status === "crashed", "the crash");
    assert.equal(orchestrator.services.get("web/app")?.reason, "killed by SIGKILL");
  }));

test("while the bus is away crashed services are restarted, and all of it is reported later", () =>
  withAgent(
    async ({ orchestrator, bus, agentBus, folder }) => {
      await until(() => orchestrator.incarnation !== "", "the node is known");
      await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
      const { pid } = orchestrator.services.get("web/app") ?? { pid: 0 };
      bus.cut(agentBus());
      process.kill(pid, "SIGKILL");
      const before = orchestrator.facts.length;
      await until(() => isOtherRunning(folder, pid), "the agent has restarted it alone");
      bus.heal(agentBus());
      await until(() => orchestrator.ofType("serviceRestartedAlone").length === 1, "the report");
      await until(() => orchestrator.services.get("web/app")?.status === "healthy", "it runs");
      assert.notEqual(orchestrator.services.get("web/app")?.pid, pid);
      const since = orchestrator.facts.slice(before);
      assert.deepEqual(
        since.map((fact) => (fact.type === "serviceObserved" ? fact.service.status : fact.type)),
        ["crashed", "serviceRestartedAlone", "healthy"],
      );
      assert.match(orchestrator.ofType("serviceRestartedAlone")[0]?.reason ?? "", /SIGKILL/);
    },
    { aloneAfterMs: 200 },
  ));

test("in maintenance nothing is restarted, also after a restart of the agent without a bus", () =>
  withAgent(
    async ({ orchestrator, bus, restart }) => {
      await until(() => orchestrator.incarnation !== "", "the node is known");
      await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
      orchestrator.maintenance = true;
      await until(() => orchestrator.heartbeats.at(-1)?.maintenance === true, "maintenance");
      bus.stopServer();
      await restart();
      process.kill(orchestrator.services.get("web/app")?.pid ?? 0, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 800));
      bus.startServer();
      await until(() => orchestrator.services.get("web/app")?.status === "crashed", "the crash");
      assert.equal(orchestrator.ofType("serviceRestartedAlone").length, 0);
    },
    { aloneAfterMs: 100 },
  ));

test("facts that the stream loses are sent again until they are committed, each taken once", () =>
  withAgent(async ({ orchestrator, bus }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    orchestrator.commits = false;
    for (let number = 0; number < 5; number += 1) {
      const order = { type: "writeFile", file: fileSpec(`/f${number}`, `${number}`) } as const;
      assert.equal((await orchestrator.send(order))?.code, "accepted");
    }
    await until(() => orchestrator.batches > 1, "something was published");
    bus.replaceStream();
    orchestrator.commits = true;
    await until(() => orchestrator.ofType("actionFinished").length === 5, "all results");
    const paths = orchestrator.ofType("fileObserved").map((fact) => fact.file.path);
    assert.deepEqual(paths.toSorted(), ["/f0", "/f1", "/f2", "/f3", "/f4"]);
  }));

test("actions left open by a crash: done ones succeed, others fail, none runs twice", () =>
  withAgent(async ({ orchestrator, folder, restart, root }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const written = fileSpec("/done", "x");
    await orchestrator.carryOut({ type: "writeFile", file: written });
    await restart(() =>
      leaveOpen(folder, [
        ["n1-50", "file:/done", { type: "writeFile", file: written }],
        ["n1-51", "file:/undone", { type: "writeFile", file: fileSpec("/undone", "x") }],
        ["n1-52", "service:web/app", { type: "restartService", service: serviceSpec(SLEEP) }],
      ]),
    );
    const results = await Promise.all(
      ["n1-50", "n1-51", "n1-52"].map((id) => orchestrator.result(id)),
    );
    const reason = "the agent restarted while the action ran";
    assert.deepEqual(
      results.map((result) => [result.outcome, result.reason]),
      [
        ["succeeded", ""],
        ["failed", reason],
        ["failed", reason],
      ],
    );
    assert.ok(!existsSync(join(root, "undone")));
    assert.equal(orchestrator.services.size, 0);
  }));

test("when the orchestrator's log has lost its past for long, the node begins anew", () => {
  let aheadMs = 0;
  const clock = {
    monotonicMs: () => performance.now() + aheadMs,
    realtimeMs: () => Date.now(),
  };
  const body = async ({ orchestrator }: AgentFixture): Promise<void> => {
    await until(() => orchestrator.facts.length >= 2, "the first facts");
    const before = orchestrator.incarnation;
    await until(() => orchestrator.heartbeats.at(-1)?.committed.sequence === 2, "committed");
    orchestrator.watermark = { boot: 0, sequence: 0 };
    orchestrator.direct();
    orchestrator.direct();
    const seen = orchestrator.heartbeats.length;
    await until(() => orchestrator.heartbeats.length >= seen + 2, "later heartbeats");
    assert.equal(orchestrator.incarnation, before);
    aheadMs = 31_000;
    for (let round = 0; round < 5; round += 1) orchestrator.direct();
    await until(() => orchestrator.incarnation !== before, "another incarnation");
    await until(() => orchestrator.ofType("inventoryObserved").length === 2, "all is told again");
    assert.equal(orchestrator.ofType("agentStarted").length, 2);
  };
  return withAgent(body, { clock });
});

test("a second agent on the same data folder is refused with a clear error", () =>
  withAgent(async ({ folder, bus }) => {
    const second = startApp(configOf(folder, {}), {
      log: silentLog,
      connect: () => bus.agent("n1"),
    });
    await assert.rejects(second, /one data folder serves one agent/);
  }));

test("directives of an older term, or for another life, change nothing", () =>
  withAgent(async ({ orchestrator, bus }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const { incarnation, watermark: committed } = orchestrator;
    orchestrator.term = 8;
    await orchestrator.carryOut({ type: "writeFile", file: fileSpec("/a", "x") });
    const side = bus.orchestrator();
    for (const odd of [
      encodeDirective({ term: 7, incarnation, committed, maintenance: true }),
      encodeDirective({ term: 9, incarnation: "other", committed, maintenance: true }),
      Buffer.from("garbage"),
    ]) {
      side.sendDirective("n1", odd);
    }
    const seen = orchestrator.heartbeats.length;
    await until(() => orchestrator.heartbeats.length > seen + 1, "later heartbeats");
    assert.ok(orchestrator.heartbeats.every((heartbeat) => !heartbeat.maintenance));
    await side.close();
  }));

/**
 * Puts actions into the journal of a stopped agent, as a crash between acceptance and result does.
 */
async function leaveOpen(
  folder: string,
  actions: readonly (readonly [string, string, Order])[],
): Promise<void> {
  const store = await openLevelStore(join(folder, "data", "state"));
  await store.write(
    actions.map(([action, target, order], index) => {
      const number = 100 + index;
      const entry = { action, target, generation: 50, number, order, timeoutMs: 1_000 };
      return { type: "put", key: `action!${action}`, value: Buffer.from(JSON.stringify(entry)) };
    }),
  );
  await store.close();
}

/** Whether the recorded process of web/app is another one than `pid`, and lives. */
function isOtherRunning(folder: string, pid: number): boolean {
  const path = join(folder, "data", "process", "records", "web.app.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as { pid: number };
  return record.pid !== 0 && record.pid !== pid && existsSync(`/proc/${record.pid}`);
}
