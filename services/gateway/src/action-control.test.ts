/**
 * What keeps a datacenter from acting, through the API: the pause, actions taken back, storms.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleEvents } from "@atoll/domain/testing";
import { ActionStatus } from "@atoll/proto/atoll/v1/action";
import { status } from "@grpc/grpc-js";
import type { NodeName, RoleName, ServiceName } from "@atoll/domain";
import { call, failure } from "./testing/client.ts";
import { discovered, startTestGateway, type TestGateway } from "./testing/gateway.ts";

const PARENT = "datacenters/dc1";
const N1 = "n1" as NodeName;
const ROLE = {
  name: "web" as RoleName,
  description: "",
  match: { labels: { tier: "web" }, location: {}, hardware: {} },
  drift: "restore",
  files: [],
  services: [
    {
      name: "app" as ServiceName,
      driver: "process",
      command: ["app"],
      unit: "",
      environment: {},
      after: [],
      restartOn: [],
      stopTimeoutMs: 1_000,
    },
  ],
} as const;

/** A node that wants a service which does not run yet. */
async function startWanting(): Promise<TestGateway> {
  const gateway = await startTestGateway({ replicas: 1 });
  gateway.datacenter.append(discovered(N1, { tier: "web" }));
  gateway.datacenter.append([{ type: "roleApplied", role: ROLE }]);
  return gateway;
}

async function explain({ api }: TestGateway): Promise<{ waiting: string; state: string }> {
  const request = { name: `${PARENT}/nodes/n1` };
  const { response } = await call(api.nodes, api.nodes.explainNode, request);
  const waiting = response.waiting.map(({ text }) => text).join("; ");
  return { waiting, state: response.node?.stateReason ?? "" };
}

test("PauseActions and ResumeActions show wherever people look", async () => {
  await using gateway = await startWanting();
  const { api } = gateway;
  // The judgement of the node is in memory before the pause.
  assert.equal((await explain(gateway)).waiting, "");
  const paused = await call(api.datacenters, api.datacenters.pauseActions, {
    name: PARENT,
    reason: "the switch burns",
    requestId: "r1",
  });
  const { datacenter, reason, actor } = paused.response.pause ?? {};
  assert.deepEqual([datacenter, reason, actor], ["dc1", "the switch burns", "user/anonymous"]);
  const list = { parent: PARENT, pageSize: 0, pageToken: "", filter: "" };
  const listed = await call(api.nodes, api.nodes.listNodes, list);
  assert.deepEqual(listed.response.pauses, [paused.response.pause]);
  assert.match(listed.response.nodes[0]?.stateReason ?? "", /held: paused by user\/anonymous/);
  const held = await explain(gateway);
  assert.match(held.waiting, /^held: paused by user\/anonymous since #\d+: the switch burns/);
  const resumed = await call(api.datacenters, api.datacenters.resumeActions, {
    name: PARENT,
    requestId: "r2",
  });
  assert.equal(resumed.response.pause, undefined);
  assert.equal((await explain(gateway)).state.includes("held"), false);
});

test("SetActionLimits sets what is given, and shows all, by whom and why", async () => {
  await using gateway = await startWanting();
  const { api } = gateway;
  const request = { name: PARENT };
  const before = await call(api.datacenters, api.datacenters.getDatacenter, request);
  assert.equal(before.response.limits?.limits?.stormPercent, 30);
  assert.equal(before.response.limits?.since, undefined);
  const change = {
    name: PARENT,
    limits: { stormPercent: 60 },
    reason: "a new room",
    requestId: "",
  };
  const set = await call(api.datacenters, api.datacenters.setActionLimits, change);
  const { limits, reason, actor, since } = set.response.limits ?? {};
  assert.deepEqual([limits?.stormPercent, limits?.disruptedPercentMax], [60, 20]);
  assert.deepEqual([reason, actor], ["a new room", "user/anonymous"]);
  assert.ok(since !== undefined && since.index > 0);
  const wrong = { ...change, limits: { stormPercent: 0, disruptedPercentMax: 101 } };
  const refusal = call(api.datacenters, api.datacenters.setActionLimits, wrong);
  const refused = await failure(refusal);
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  assert.match(refused.message, /from 1 to 100/);
});

test("CancelAction asks, and shows who asked until the agent has answered and after", async () => {
  await using gateway = await startWanting();
  const { api, datacenter } = gateway;
  datacenter.append([{ ...sampleEvents.actionPlanned, node: N1 }]);
  const name = `${PARENT}/actions/n1-1`;
  const reason = "the wrong rack";
  const wish = { name, reason, requestId: "" };
  const { response } = await call(api.actions, api.actions.cancelAction, wish);
  assert.equal(response.status, ActionStatus.ACTION_STATUS_PLANNED);
  assert.equal(response.cancellation?.reason, reason);
  assert.equal(response.cancellation?.actor, "user/anonymous");
  datacenter.append([{ ...sampleEvents.actionCancelled, node: N1 }]);
  const after = await call(api.actions, api.actions.getAction, { name });
  assert.equal(after.response.status, ActionStatus.ACTION_STATUS_CANCELLED);
  assert.equal(after.response.cancellation?.reason, reason);
  const again = await failure(call(api.actions, api.actions.cancelAction, wish));
  assert.equal(again.code, status.FAILED_PRECONDITION);
  assert.match(again.message, /has ended: it was cancelled/);
});

test("ListStorms and ReleaseStorm show what is held, where, and who let it go", async () => {
  await using gateway = await startWanting();
  const { api, datacenter } = gateway;
  const faultDomain = "datacenter" as typeof sampleEvents.stormHeld.faultDomain;
  const wish = { name: PARENT, faultDomain, reason: "looked at it", requestId: "" };
  const none = await failure(call(api.datacenters, api.datacenters.releaseStorm, wish));
  assert.equal(none.code, status.NOT_FOUND);
  datacenter.append([{ ...sampleEvents.stormHeld, faultDomain }]);
  const shown = await call(api.datacenters, api.datacenters.getDatacenter, { name: PARENT });
  assert.equal(shown.response.stormsHeld, 1);
  const { response } = await call(api.datacenters, api.datacenters.releaseStorm, wish);
  const list = await call(api.datacenters, api.datacenters.listStorms, { parent: PARENT });
  assert.deepEqual(list.response.storms, [response]);
  assert.equal(response.release?.actor, "user/anonymous");
  assert.deepEqual([response.nodes, response.of, response.nodesNow], [6, 10, 0]);
  for (const bad of [{ faultDomain: "" }, { reason: " " }]) {
    const refused = { ...wish, ...bad };
    const { code } = await failure(call(api.datacenters, api.datacenters.releaseStorm, refused));
    assert.equal(code, status.INVALID_ARGUMENT);
  }
});
