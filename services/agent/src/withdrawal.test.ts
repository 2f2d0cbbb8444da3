/**
 * Actions that are taken back, at a whole agent: what had not begun leaves no trace, what had ends.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "@atoll/agent-core/testing";
import { fileSpec, serviceSpec, withAgent } from "./testing/agent-fixture.ts";

test("what waits for its turn is given back, what runs goes on to its result", () =>
  withAgent(async ({ orchestrator, root }) => {
    await until(() => orchestrator.incarnation !== "", "the node is known");
    const ready = join(root, "ready");
    const service = serviceSpec(`trap "" TERM; touch ${ready}; while :; do sleep 1; done`, {
      stopTimeoutMs: 300,
    });
    await orchestrator.carryOut({ type: "startService", service });
    await until(() => existsSync(ready), "the trap is set");
    const other = serviceSpec(`touch ${join(root, "other")}`, { digest: "second" });
    const restart = { type: "restartService", service } as const;
    const start = { type: "startService", service: other } as const;
    const sent = [
      await orchestrator.send(restart, { generation: 10 }),
      await orchestrator.send(start, { generation: 11 }),
    ];
    const answers = [
      await orchestrator.withdraw(restart, 10),
      await orchestrator.withdraw(start, 11),
      await orchestrator.withdraw(start, 11),
      await orchestrator.withdraw(start, 12),
      await orchestrator.send(start, { generation: 12 }),
    ];
    assert.deepEqual(
      [...sent, ...answers].map((reply) => reply?.code),
      ["accepted", "accepted", "begun", "withdrawn", "withdrawn", "withdrawn", "unable"],
    );
    assert.equal((await orchestrator.result("n1-10")).outcome, "succeeded");
    await orchestrator.carryOut({ type: "writeFile", file: fileSpec("/later", "x") });
    const finished = orchestrator.ofType("actionFinished").map(({ action }) => String(action));
    assert.ok(!finished.includes("n1-11") && !finished.includes("n1-12"), finished.join());
    assert.equal(orchestrator.services.get("web/app")?.digest, service.digest);
    assert.ok(!existsSync(join(root, "other")));
    assert.equal((await orchestrator.withdraw(restart, 10))?.code, "begun");
  }));
