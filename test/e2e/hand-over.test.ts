/**
 * A replica that is asked to end hands leadership over first, as a real process.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startLab } from "@atoll/lab";
import { GroupReplicaRole } from "@atoll/proto/atoll/v1/group";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";

const READY_MS = 30_000;

test("a leader that is told to end hands over, and says to whom", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-hand-over-"));
  const lab = await startLab({ stateDir, portBase: 0, restart: false, agents: 1 });
  const api = new StoryApi(lab.gatewayAddress);
  try {
    await timeUntil("a node", READY_MS, async () => (await api.nodes()).length > 0);
    const { replicas } = await api.group();
    const leader = replicas.find(({ role }) => role === GroupReplicaRole.GROUP_REPLICA_ROLE_LEADER);
    const id = leader?.name.split("/").at(-1);
    const orchestrator = lab.process(`orchestrator-${id}`);
    assert.equal(await orchestrator.stop(5_000), true);
    const log = await readFile(orchestrator.spec.logFile, "utf8");
    assert.match(log, /"leader":[1-3][^\n]*leadership handed over/u);
  } finally {
    api[Symbol.dispose]();
    await lab.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
});
