/**
 * What bad input gets: a status that says what is allowed, whatever the service.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { WatchNodesRequest } from "@atoll/proto/atoll/v1/node";
import { type DecodedStatus, fromServiceError } from "@atoll/service-kit";
import { Metadata, status } from "@grpc/grpc-js";
import { type ApiClient, call, Collected, failure } from "./testing/client.ts";
import { startTestGateway, type TestGateway } from "./testing/gateway.ts";

const PARENT = "datacenters/dc1";
const N1 = `${PARENT}/nodes/n1`;
const LIST = { parent: PARENT, pageSize: 0, pageToken: "", filter: "" };

interface Case {
  readonly name: string;
  readonly call: (api: ApiClient) => Promise<unknown>;
  readonly code: status;
  readonly says: RegExp;
}

let gateway: TestGateway;

before(async () => {
  gateway = await startTestGateway({ replicas: 1, nodes: ["n1", "web-1"] });
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
});

function getNode(name: string): Case["call"] {
  return (api) => call(api.nodes, api.nodes.getNode, { name });
}

function listNodes(change: Partial<typeof LIST>): Case["call"] {
  return (api) => call(api.nodes, api.nodes.listNodes, { ...LIST, ...change });
}

function maintain(reason: string, requestId = ""): Case["call"] {
  return (api) => call(api.nodes, api.nodes.startMaintenance, { name: N1, reason, requestId });
}

function update(change: {
  mask?: string[];
  etag?: string;
  labels?: Record<string, string>;
}): Case["call"] {
  return (api) =>
    call(api.nodes, api.nodes.updateNode, {
      node: {
        name: N1,
        state: 0,
        stateReason: "",
        labels: change.labels ?? {},
        assignedRoles: [],
        roles: [],
        services: [],
        files: [],
        agentVersion: "",
        bootId: "",
        incarnation: "",
        etag: change.etag ?? "",
      },
      updateMask: change.mask ?? ["labels"],
      requestId: "",
    });
}

function pause(reason: string): Case["call"] {
  const request = { name: PARENT, reason, requestId: "" };
  return (api) => call(api.datacenters, api.datacenters.pauseActions, request);
}

const INVALID = status.INVALID_ARGUMENT;

const CASES: readonly Case[] = [
  { name: "a pause without a reason", call: pause(" "), code: INVALID, says: /it is required/ },
  { name: "a pause's long story", call: pause("x".repeat(501)), code: INVALID, says: /most 500/ },
  {
    name: "limits without a reason",
    call: (api) => {
      const request = { name: PARENT, limits: {}, reason: "", requestId: "" };
      return call(api.datacenters, api.datacenters.setActionLimits, request);
    },
    code: INVALID,
    says: /it is required/,
  },
  {
    name: "a resume without a pause",
    call: (api) =>
      call(api.datacenters, api.datacenters.resumeActions, { name: PARENT, requestId: "" }),
    code: status.FAILED_PRECONDITION,
    says: /actions are not paused/,
  },
  {
    name: "a short name",
    call: getNode("n1"),
    code: INVALID,
    says: /form datacenters\/DC\/nodes\/NAME/,
  },
  {
    name: "another collection",
    call: getNode(`${PARENT}/node/n1`),
    code: INVALID,
    says: /form datacenters/,
  },
  { name: "an empty name", call: getNode(""), code: INVALID, says: /form datacenters/ },
  { name: "a path in a name", call: getNode(`${PARENT}/nodes/../n1`), code: INVALID, says: /form/ },
  {
    name: "dots in a name",
    call: getNode(`${PARENT}/nodes/..`),
    code: INVALID,
    says: /lower-case letters/,
  },
  {
    name: "a star in a name",
    call: getNode(`${PARENT}/nodes/n*`),
    code: INVALID,
    says: /lower-case letters/,
  },
  {
    name: "> in a name",
    call: getNode(`${PARENT}/nodes/>`),
    code: INVALID,
    says: /lower-case letters/,
  },
  {
    name: "a control character",
    call: getNode(`${PARENT}/nodes/a\u0007`),
    code: INVALID,
    says: /\\u0007/,
  },
  {
    name: "a name of 10 kB",
    call: getNode(`${PARENT}/nodes/${"x".repeat(10_000)}`),
    code: INVALID,
    says: /1 to 63/,
  },
  {
    name: "an unknown datacenter",
    call: getNode("datacenters/dc9/nodes/n1"),
    code: status.NOT_FOUND,
    says: /known are dc1/,
  },
  {
    name: "all datacenters for one node",
    call: getNode("datacenters/-/nodes/n1"),
    code: INVALID,
    says: /not a name/,
  },
  {
    name: "an unknown node",
    call: getNode(`${PARENT}/nodes/web-2`),
    code: status.NOT_FOUND,
    says: /did you mean web-1/,
  },
  {
    name: "a bad parent",
    call: listNodes({ parent: "dc1" }),
    code: INVALID,
    says: /form datacenters\/DC or datacenters\/-/,
  },
  {
    name: "a page of a million",
    call: listNodes({ pageSize: 1_000_000 }),
    code: INVALID,
    says: /1 to 1000/,
  },
  { name: "a negative page", call: listNodes({ pageSize: -1 }), code: INVALID, says: /1 to 1000/ },
  {
    name: "a page token of nobody",
    call: listNodes({ pageToken: "AAAA" }),
    code: INVALID,
    says: /next_page_token/,
  },
  {
    name: "a page token of 10 kB",
    call: listNodes({ pageToken: "A".repeat(10_000) }),
    code: INVALID,
    says: /next_page_token/,
  },
  {
    name: "an unknown field",
    call: listNodes({ filter: "stat = READY" }),
    code: INVALID,
    says: /did you mean state\? fields are name, state, labels.KEY/,
  },
  {
    name: "an unknown state",
    call: listNodes({ filter: "state = REDDY" }),
    code: INVALID,
    says: /one of DISCOVERED, CONFIGURING, READY/,
  },
  {
    name: "an unfinished filter",
    call: listNodes({ filter: "state =" }),
    code: INVALID,
    says: /at character 8: expected a value/,
  },
  {
    name: "a wrong operator",
    call: listNodes({ filter: "name < n1" }),
    code: INVALID,
    says: /compared by = != :/,
  },
  {
    name: "a filter of 10 kB",
    call: listNodes({ filter: "x".repeat(10_000) }),
    code: INVALID,
    says: /4096/,
  },
  {
    name: "a filter nested 1000 deep",
    call: listNodes({ filter: `${"(".repeat(1_000)}name = a` }),
    code: INVALID,
    says: /32 deep/,
  },
  { name: "no reason", call: maintain(""), code: INVALID, says: /reason: it is required/ },
  { name: "a blank reason", call: maintain("  "), code: INVALID, says: /reason: it is required/ },
  {
    name: "a reason of 501 characters",
    call: maintain("x".repeat(501)),
    code: INVALID,
    says: /at most 500/,
  },
  {
    name: "a request id with blanks",
    call: maintain("ok", "a b"),
    code: INVALID,
    says: /printable ASCII/,
  },
  {
    name: "a field that cannot be updated",
    call: update({ mask: ["label"] }),
    code: INVALID,
    says: /allowed are labels, location; did you mean labels/,
  },
  {
    name: "an etag of nobody",
    call: update({ etag: "x" }),
    code: INVALID,
    says: /read the node again/,
  },
  {
    name: "an etag of before",
    call: update({ etag: "9999" }),
    code: status.ABORTED,
    says: /read it again/,
  },
  {
    name: "a label that is no name",
    call: update({ labels: { "A b": "x" } }),
    code: INVALID,
    says: /label/,
  },
  {
    name: "maintenance of nothing",
    call: (api) =>
      call(api.nodes, api.nodes.endMaintenance, { name: `${PARENT}/nodes/nope`, requestId: "" }),
    code: status.NOT_FOUND,
    says: /nope/,
  },
  {
    name: "forgetting a node that is there",
    call: (api) => call(api.nodes, api.nodes.deleteNode, { name: N1, requestId: "" }),
    code: status.FAILED_PRECONDITION,
    says: /only a lost node/,
  },
  {
    name: "a role under a wrong form",
    call: (api) => call(api.nodes, api.nodes.assignRole, { name: N1, role: "web", requestId: "" }),
    code: INVALID,
    says: /role: "web" is not of the form roles\/NAME/,
  },
  {
    name: "an action of a wrong form",
    call: (api) => call(api.actions, api.actions.getAction, { name: `${PARENT}/actions/x` }),
    code: INVALID,
    says: /NODE-GENERATION/,
  },
  {
    name: "an unknown operation",
    call: (api) =>
      call(api.operations, api.operations.getOperation, { name: `${PARENT}/operations/op-9` }),
    code: status.NOT_FOUND,
    says: /no operation op-9/,
  },
  {
    name: "too many of the newest events",
    call: (api) => call(api.events, api.events.listEvents, { ...LIST, fromIndex: -1_001 }),
    code: INVALID,
    says: /-1 to -1000/,
  },
];

for (const { name, call: make, code, says } of CASES) {
  test(`bad input: ${name}`, async () => {
    const refused = await failure(make(gateway.api));
    assert.equal(status[refused.code], status[code], refused.message);
    assert.match(refused.message, says);
    assert.notEqual(refused.reason, "");
  });
}

test("bad input: a stream is refused with its first message", async () => {
  const request: WatchNodesRequest = { parent: "x", filter: "", resumeIndex: 0 };
  using watch = new Collected(gateway.api.nodes.watchNodes(request));
  await watch.over();
  assert.equal(watch.status?.code, INVALID);
  using negative = new Collected(
    gateway.api.nodes.watchNodes({ ...request, parent: PARENT, resumeIndex: -1 }),
  );
  await negative.over();
  assert.equal(negative.status?.code, INVALID);
  using beyond = new Collected(
    gateway.api.events.watchEvents({ parent: PARENT, filter: "", fromIndex: 1_000 }),
  );
  await beyond.over();
  assert.equal(beyond.status?.code, status.OUT_OF_RANGE);
  assert.match(beyond.status?.message ?? "", /log ends at 2/);
});

test("bad input: a message of 5 MB is refused with the limit", async () => {
  const { roles } = gateway.api;
  const request = {
    documents: [{ fileName: "a", text: "#".repeat(5_000_000) }],
    validateOnly: true,
    requestId: "",
  };
  const refused = await new Promise<DecodedStatus>((resolve) => {
    roles.makeUnaryRequest(
      "/atoll.v1.RoleService/ApplyRoles",
      () => Buffer.alloc(5_000_000),
      () => null,
      request,
      new Metadata(),
      {},
      (error) => resolve(fromServiceError(error)),
    );
  });
  assert.equal(refused.code, status.RESOURCE_EXHAUSTED);
  assert.match(refused.message, /4194304/);
});

test("bad input: labels of 3 MB are refused and harm nobody else", async () => {
  const { api } = gateway;
  const labels = { big: "x".repeat(3_000_000) };
  const others = Array.from({ length: 20 }, () => getNode(N1)(api));
  const large = Array.from({ length: 5 }, () => failure(update({ labels })(api)));
  for (const refused of await Promise.all(large)) {
    assert.equal(refused.code, INVALID);
    assert.match(refused.message, /up to 128/);
  }
  await Promise.all(others);
});

test("page tokens go through all nodes once, and fit no other list", async () => {
  const { api } = gateway;
  const first = await call(api.nodes, api.nodes.listNodes, { ...LIST, pageSize: 1 });
  const token = first.response.nextPageToken;
  const second = await call(api.nodes, api.nodes.listNodes, {
    ...LIST,
    pageSize: 1,
    pageToken: token,
  });
  assert.deepEqual(
    [...first.response.nodes, ...second.response.nodes].map(({ name }) => name),
    [N1, `${PARENT}/nodes/web-1`],
  );
  assert.equal(second.response.nextPageToken, "");
  const other = await failure(listNodes({ pageToken: token, filter: "state = READY" })(api));
  assert.equal(other.reason, "PAGE_TOKEN_INVALID");
});
