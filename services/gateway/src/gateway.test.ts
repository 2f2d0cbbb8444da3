/**
 * The gateway as its callers see it, over replicas whose leaders change, break and fall silent.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "@atoll/proto/atoll/v1/event";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { OperationStatus } from "@atoll/proto/atoll/v1/operation";
import { status } from "@grpc/grpc-js";
import { ApiClient, call, Collected, eventually, failure } from "./testing/client.ts";
import { discovered, startGatewayFor, startTestGateway } from "./testing/gateway.ts";

const PARENT = "datacenters/dc1";
const N1 = `${PARENT}/nodes/n1`;
const ANY_LIST = { parent: PARENT, pageSize: 0, pageToken: "", filter: "" };

function maintain(api: ApiClient, reason: string, requestId = ""): ReturnType<typeof callMaintain> {
  return callMaintain(api, reason, requestId, 10_000);
}

function callMaintain(api: ApiClient, reason: string, requestId: string, deadlineMs: number) {
  const request = { name: N1, reason, requestId };
  return call(api.nodes, api.nodes.startMaintenance, request, deadlineMs);
}

test("a write is read back at once and carries its index", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { api } = gateway;
  const { response, trailers } = await maintain(api, "new fans");
  assert.equal(response.state, NodeState.NODE_STATE_MAINTENANCE);
  assert.equal(response.maintenance?.reason, "new fans");
  assert.equal(response.maintenance?.actor, "user/anonymous");
  assert.equal(Number(trailers.get("atoll-index")[0]), gateway.datacenter.log.length);
  const read = await call(api.nodes, api.nodes.getNode, { name: N1 });
  assert.equal(read.response.maintenance?.reason, "new fans");
});

test("a write is answered only when this gateway shows it", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.feedsHeld = true;
  const before = datacenter.log.length;
  const write = maintain(api, "slow feed");
  await eventually(() => datacenter.log.length > before);
  const first = await Promise.race([
    write,
    call(api.nodes, api.nodes.getNode, { name: "x" }),
  ]).catch(() => "still waiting");
  assert.equal(first, "still waiting");
  datacenter.releaseFeeds();
  const { response } = await write;
  assert.equal(response.maintenance?.reason, "slow feed");
});

test("two hundred writes at once are all done, each once", async () => {
  const names = Array.from({ length: 200 }, (_, at) => `n${at}`);
  await using gateway = await startTestGateway({ nodes: names });
  const { api, datacenter } = gateway;
  const before = datacenter.submits;
  await Promise.all(
    names.map((name) =>
      call(api.nodes, api.nodes.startMaintenance, {
        name: `${PARENT}/nodes/${name}`,
        reason: "all",
        requestId: "",
      }),
    ),
  );
  assert.equal(datacenter.submits - before, 200);
  const { response } = await call(api.nodes, api.nodes.listNodes, {
    ...ANY_LIST,
    filter: "state = MAINTENANCE",
    pageSize: 1000,
  });
  assert.equal(response.nodes.length, 200);
});

test("a leader that hands over is followed within the call", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  gateway.datacenter.onSubmit = () => {
    gateway.datacenter.elect(3);
    return "answer";
  };
  await maintain(gateway.api, "handed over");
  assert.equal(gateway.datacenter.submits, 1);
});

test("an answer lost after the commit is asked for again and done once", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.onSubmit = () => {
    queueMicrotask(() => datacenter.elect(2));
    return "lose";
  };
  const before = datacenter.log.length;
  await maintain(api, "once");
  assert.equal(datacenter.submits, 2);
  assert.equal(datacenter.log.length, before + 1);
});

test("an unknown outcome and an overload are repeated", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.onSubmit = () => "unknown";
  await maintain(api, "unknown");
  datacenter.onSubmit = () => "overloaded";
  const request = { name: N1, requestId: "" };
  await call(api.nodes, api.nodes.endMaintenance, request);
  assert.equal(datacenter.submits, 3);
});

test("a killed leader is invisible within the deadline", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.replica(1).kill();
  datacenter.elect(0);
  const write = maintain(api, "leader gone");
  setTimeout(() => datacenter.elect(2), 200);
  await write;
});

test("a leader that falls silent is left for one that answers", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.replica(1).frozen = true;
  datacenter.elect(2);
  const startMs = performance.now();
  await maintain(api, "frozen");
  assert.ok(performance.now() - startMs < 2_000, `${performance.now() - startMs} ms`);
});

test("a replica that wrongly believes to lead is not believed", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.replica(1).deluded = true;
  datacenter.elect(3);
  await maintain(api, "deluded");
});

test("without a leader reads show their age, writes say that nothing was done", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.elect(0);
  const startMs = performance.now();
  const { response } = await call(api.nodes, api.nodes.listNodes, ANY_LIST);
  assert.ok(performance.now() - startMs < 2_500);
  assert.equal(response.asOf[0]?.stale, true);
  assert.equal(response.nodes.length, 1);
  const refused = await failure(callMaintain(api, "nobody", "", 1_000));
  assert.equal(refused.code, status.UNAVAILABLE);
  assert.equal(refused.reason, "NO_LEADER");
  assert.match(refused.message, /dc1 cannot decide now .*nothing was done/);
  const again = await call(api.nodes, api.nodes.listNodes, ANY_LIST);
  const age = again.response.asOf[0]?.age;
  assert.ok((age?.seconds ?? 0) + (age?.nanos ?? 0) / 1e9 > 1, JSON.stringify(age));
  datacenter.elect(2);
  await eventuallyExact(api);
});

test("a write with an unknown outcome says so and names its request id", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.onSubmit = () => {
    queueMicrotask(() => datacenter.elect(0));
    return "lose";
  };
  const refused = await failure(callMaintain(api, "lost", "my-request", 1_000));
  assert.equal(refused.code, status.DEADLINE_EXCEEDED);
  assert.equal(refused.reason, "OUTCOME_UNKNOWN");
  assert.equal(refused.metadata["request_id"], "my-request");
});

test("WatchNodes sends all, then changes, and goes on after a break without a gap", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1", "n2"] });
  const { datacenter, api } = gateway;
  const request = { parent: PARENT, filter: "", resumeIndex: 0 };
  let resumeIndex = 0;
  {
    using watch = new Collected(api.nodes.watchNodes(request));
    await watch.until((messages) => messages.some(({ change }) => change?.$case === "synced"));
    const names = watch.messages.flatMap(({ change }) =>
      change?.$case === "node" ? [change.value.name] : [],
    );
    assert.deepEqual(names, [N1, `${PARENT}/nodes/n2`]);
    datacenter.append(discovered("n3"));
    await watch.until((messages) =>
      messages.some(({ change }) => change?.$case === "node" && change.value.name.endsWith("n3")),
    );
    resumeIndex = watch.messages.at(-1)?.resumeIndex ?? 0;
    assert.equal(resumeIndex, datacenter.log.length);
  }
  datacenter.append([{ type: "nodeLost", node: "n2" as never, silentMs: 5_000 }]);
  datacenter.append([{ type: "nodeForgotten", node: "n1" as never }]);
  using resumed = new Collected(api.nodes.watchNodes({ ...request, resumeIndex }));
  await resumed.until((messages) => messages.some(({ change }) => change?.$case === "synced"));
  const changes = resumed.messages.map(({ change }) => {
    return change?.$case === "node"
      ? change.value.name
      : change?.$case === "deleted"
        ? `-${change.value}`
        : "synced";
  });
  assert.deepEqual(changes.toSorted(), [`-${N1}`, `${PARENT}/nodes/n2`, "synced"].toSorted());
});

test("WatchNodes with a filter takes nodes away that no longer match", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { api, datacenter } = gateway;
  const request = { parent: "datacenters/-", filter: "state = DISCOVERED", resumeIndex: 0 };
  using watch = new Collected(api.nodes.watchNodes(request));
  await watch.until((messages) => messages.length === 2);
  datacenter.append([{ type: "nodeLost", node: "n1" as never, silentMs: 5_000 }]);
  await watch.until((messages) => messages.at(-1)?.change?.$case === "deleted");
});

test("WatchEvents is without gap or repetition while replicas die, and resumes", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  using watch = new Collected(api.events.watchEvents({ parent: PARENT, filter: "", fromIndex: 1 }));
  const seen = (): Event[] => watch.messages.flatMap(({ events }) => events);
  for (let round = 0; round < 30; round += 1) {
    datacenter.append([{ type: "nodeSuspected", node: "n1" as never, silentMs: round }]);
    if (round === 10) datacenter.replica(1).kill();
    if (round === 10) datacenter.elect(2);
    if (round === 20) datacenter.replica(2).breakStreams();
    await eventually(() => (seen().at(-1)?.index ?? 0) >= round, {
      describe: () => `round ${round}: ${JSON.stringify([watch.status, seen().length])}`,
    });
  }
  await eventually(() => seen().at(-1)?.index === datacenter.log.length);
  const positions = seen().map(({ index, offset }) => `${index}-${offset}`);
  assert.deepEqual(positions, [
    "1-0",
    "1-1",
    ...Array.from({ length: 30 }, (_, at) => `${at + 2}-0`),
  ]);
  assert.equal(watch.messages.at(-1)?.resumeIndex, datacenter.log.length + 1);
  assert.match(seen().at(-1)?.text ?? "", /n1/);
  assert.equal(seen().at(-1)?.payload?.event?.$case, "nodeSuspected");
});

test("events below the first index kept are refused, and it is named", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1", "n2", "n3"] });
  const { datacenter, api } = gateway;
  datacenter.compact(3);
  using watch = new Collected(api.events.watchEvents({ parent: PARENT, filter: "", fromIndex: 1 }));
  await watch.over();
  assert.equal(watch.status?.code, status.OUT_OF_RANGE);
  assert.equal(watch.status?.metadata["first_index"], "3");
  const list = { parent: PARENT, pageSize: 0, pageToken: "", filter: "", fromIndex: 0 };
  const { response } = await call(api.events, api.events.listEvents, list);
  assert.deepEqual(
    response.events.map(({ index }) => index),
    [3, 3],
  );
});

test("ListEvents pages forward, backward from the end, and by filter", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1", "n2", "n3"] });
  const { api } = gateway;
  const list = { parent: PARENT, pageSize: 4, pageToken: "", filter: "", fromIndex: 0 };
  const first = await call(api.events, api.events.listEvents, list);
  const second = await call(api.events, api.events.listEvents, {
    ...list,
    pageToken: first.response.nextPageToken,
  });
  const names = [...first.response.events, ...second.response.events].map(({ name }) => name);
  assert.deepEqual(
    names,
    ["1-0", "1-1", "2-0", "2-1", "3-0", "3-1"].map((id) => `${PARENT}/events/${id}`),
  );
  assert.equal(second.response.nextPageToken, "");
  const newest = await call(api.events, api.events.listEvents, { ...list, fromIndex: -3 });
  assert.deepEqual(
    newest.response.events.map(({ index }) => index),
    [2, 3, 3],
  );
  const filtered = await call(api.events, api.events.listEvents, {
    ...list,
    filter: 'node = "n2" AND type = agentStarted',
  });
  assert.deepEqual(
    filtered.response.events.map(({ index }) => index),
    [2],
  );
});

test("ApplyRoles starts an operation, WatchOperation follows it to its end", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  const text =
    "kind: Role\nname: web\nmatch: {}\nservices:\n  - name: app\n    command: [sleep, 60]\n";
  const { response } = await call(api.roles, api.roles.applyRoles, {
    documents: [{ fileName: "web.yaml", text }],
    validateOnly: false,
    requestId: "r1",
  });
  assert.equal(response.name, `${PARENT}/operations/op-1`);
  assert.equal(response.done, false);
  assert.equal(response.nodeCount, 1);
  using watch = new Collected(api.operations.watchOperation({ name: response.name }));
  await watch.until((messages) => messages.length === 1);
  assert.match(watch.messages[0]?.waiting[0] ?? "", /^n1: configuring: /);
  datacenter.append([{ type: "operationSucceeded", operation: "op-1" as never }]);
  await watch.over();
  assert.equal(watch.messages.at(-1)?.status, OperationStatus.OPERATION_STATUS_SUCCEEDED);
  assert.equal(watch.ended, true);
  const why = await call(api.nodes, api.nodes.explainNode, { name: N1 });
  assert.equal(why.response.desired[0]?.subject, "roles/web");
  const repeated = await call(api.roles, api.roles.applyRoles, {
    documents: [{ fileName: "web.yaml", text }],
    validateOnly: false,
    requestId: "r1",
  });
  assert.equal(repeated.response.name, response.name);
});

test("a refusal of the domain is shown at its line in the document", async () => {
  await using gateway = await startTestGateway();
  const { api } = gateway;
  const text = `kind: Role
name: web
services:
  - name: app
    command: [sleep, "60"]
    after:
      - nothere
files:
  - path: /etc/x/../y
    template: "{{ no.such.fact }}"
`;
  const refused = await failure(
    call(api.roles, api.roles.applyRoles, {
      documents: [{ fileName: "roles/web.yaml", text }],
      validateOnly: true,
      requestId: "",
    }),
  );
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  const places = refused.violations.map(({ field }) => field);
  assert.deepEqual(places.toSorted(), [
    "roles/web.yaml:10",
    "roles/web.yaml:7",
    "roles/web.yaml:9",
  ]);
});

test("GetDatacenter tells of replicas that do not answer, within a second", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  const { datacenter, api } = gateway;
  datacenter.replica(3).kill();
  datacenter.replica(2).frozen = true;
  const startMs = performance.now();
  const { response } = await call(api.datacenters, api.datacenters.getDatacenter, { name: PARENT });
  assert.ok(performance.now() - startMs < 1_500);
  assert.deepEqual(
    response.replicas.map(({ id, reachable, role }) => ({ id, reachable, role })),
    [
      { id: 1, reachable: true, role: "leader" },
      { id: 2, reachable: false, role: "" },
      { id: 3, reachable: false, role: "" },
    ],
  );
  assert.deepEqual(response.nodesByState, { DISCOVERED: 1 });
});

test("a second gateway shows what was written through the first", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1"] });
  await using other = await startGatewayFor(gateway.datacenter);
  using api = new ApiClient(other.port);
  await maintain(gateway.api, "seen elsewhere");
  const { response } = await call(api.nodes, api.nodes.getNode, { name: N1 });
  assert.equal(response.maintenance?.reason, "seen elsewhere");
});

test("a mirror that starts behind a compacted log begins with its snapshot", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1", "n2"] });
  const { datacenter } = gateway;
  for (let at = 0; at < 5; at += 1) datacenter.append([]);
  datacenter.compact(7);
  await using late = await startGatewayFor(datacenter);
  using api = new ApiClient(late.port);
  await eventuallyExact(api);
  const { response } = await call(api.nodes, api.nodes.listNodes, ANY_LIST);
  assert.deepEqual(
    response.nodes.map(({ name }) => name),
    [N1, `${PARENT}/nodes/n2`],
  );
});

async function eventuallyExact(api: ApiClient): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { response } = await call(api.nodes, api.nodes.listNodes, ANY_LIST);
    if (response.asOf[0]?.stale === false) return;
  }
  assert.fail("reads stayed stale");
}
