/**
 * Two datacenters behind one gateway: its own over replicas, and another over a mirror that the
 * tests feed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { Metadata, status } from "@grpc/grpc-js";
import { type ApiClient, call, eventually, failure } from "./testing/client.ts";
import { discovered } from "./testing/gateway.ts";
import { RemoteIsland, startBoth } from "./testing/remote-island.ts";

const ALL = { parent: "datacenters/-", pageSize: 0, pageToken: "", filter: "" };
const WEST = "datacenters/west";
const WEST_N1 = `${WEST}/nodes/n1`;

function demand(values: Readonly<Record<string, string | readonly string[]>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) {
    for (const one of [value].flat()) metadata.add(key, one);
  }
  return metadata;
}

function ageMs(asOf: AsOf | undefined): number {
  return (asOf?.age?.seconds ?? 0) * 1_000 + (asOf?.age?.nanos ?? 0) / 1e6;
}

async function westAsOf(api: ApiClient): Promise<AsOf | undefined> {
  const { response } = await call(api.nodes, api.nodes.listNodes, { ...ALL, parent: WEST });
  return response.asOf[0];
}

/** Waits until west's age is known to be recent, or until it is known to be out of reach. */
async function untilStale(api: ApiClient, stale: boolean): Promise<AsOf> {
  let found: AsOf | undefined;
  await eventually(
    () => {
      westAsOf(api).then(
        (asOf) => {
          if (asOf?.stale === stale) found = asOf;
        },
        () => undefined,
      );
      return found !== undefined;
    },
    { timeoutMs: 10_000 },
  );
  return found as unknown as AsOf;
}

test("the resource name picks the datacenter", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  west.append([{ type: "maintenanceStarted", node: "n1" as never, reason: "fans" }]);
  const there = await call(api.nodes, api.nodes.getNode, { name: WEST_N1 });
  assert.deepEqual(
    [there.response.name, there.response.state],
    [WEST_N1, NodeState.NODE_STATE_MAINTENANCE],
  );
  const here = await call(api.nodes, api.nodes.getNode, { name: "datacenters/dc1/nodes/n1" });
  assert.equal(here.response.state, NodeState.NODE_STATE_DISCOVERED);
  assert.deepEqual(here.trailers.get("atoll-as-of-bin"), []);
  assert.deepEqual(here.trailers.get("atoll-at-least"), [`dc1/${gateway.datacenter.log.length}`]);
  const [asOf] = there.trailers.get("atoll-as-of-bin");
  assert.deepEqual(
    [AsOf.decode(asOf as Buffer).datacenter, AsOf.decode(asOf as Buffer).index],
    ["west", 3],
  );
  assert.deepEqual(there.trailers.get("atoll-at-least"), ["west/3"]);
});

test("an unknown datacenter is refused with those that are known, while they are", async () => {
  await using both = await startBoth();
  const { api, gateway, west } = both;
  const get = { name: "datacenters/east/nodes/n1" };
  const unknown = await failure(call(api.nodes, api.nodes.getNode, get));
  assert.equal(unknown.code, status.NOT_FOUND);
  assert.deepEqual(unknown.metadata, { datacenter: "east", known: "dc1, west" });
  gateway.app.islands.remove(west.island);
  const gone = await failure(call(api.nodes, api.nodes.getNode, { name: WEST_N1 }));
  assert.deepEqual(gone.metadata, { datacenter: "west", known: "dc1" });
});

test("ListNodes over all goes by datacenter and name, page by page", async () => {
  await using both = await startBoth();
  const { api } = both;
  const names: string[] = [];
  let pageToken = "";
  do {
    const request = { ...ALL, pageSize: 1, pageToken };
    const { response } = await call(api.nodes, api.nodes.listNodes, request);
    assert.deepEqual(
      response.asOf.map(({ datacenter }) => datacenter),
      ["dc1", "west"],
    );
    assert.equal(response.nodes.length, 1);
    names.push(...response.nodes.map(({ name }) => name.slice("datacenters/".length)));
    pageToken = response.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(names, ["dc1/nodes/n1", "dc1/nodes/n2", "west/nodes/n1", "west/nodes/n3"]);
  const filtered = await call(api.nodes, api.nodes.listNodes, {
    ...ALL,
    filter: `name = "${WEST}/nodes/n3"`,
  });
  assert.equal(filtered.response.nodes.length, 1);
});

test("another datacenter is read from its mirror, with the age of what is known", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  const fresh = await untilStale(api, false);
  assert.ok(ageMs(fresh) < 3_000, JSON.stringify(fresh));
  west.cut = true;
  west.append(discovered("n4"));
  const cut = await untilStale(api, true);
  assert.equal(cut.index, 2);
  const later = await westAsOf(api);
  assert.ok(ageMs(later) >= ageMs(cut), `${ageMs(later)} ms after ${ageMs(cut)} ms`);
  west.heal();
  const healed = await untilStale(api, false);
  assert.equal(healed.index, 3);
  const metrics = await fetch(`http://127.0.0.1:${gateway.app.adminPort}/metrics`);
  const ages = (await metrics.text()).match(/mirror_age_seconds\{.*?datacenter="(\w+)"/g) ?? [];
  assert.equal(ages.length, 2, ages.join("\n"));
});

test("an exact answer is waited for where it is demanded, or refused", async () => {
  await using both = await startBoth();
  const { api, west } = both;
  west.feedHeld = true;
  west.append(discovered("n4"));
  const get = { name: `${WEST}/nodes/n4` };
  const missing = await failure(call(api.nodes, api.nodes.getNode, get));
  assert.equal(missing.code, status.NOT_FOUND);
  const exact = demand({ "atoll-consistency": "exact" });
  const asked = call(api.nodes, api.nodes.getNode, get, 10_000, exact);
  setTimeout(() => west.heal(), 50);
  const { response, trailers } = await asked;
  assert.equal(response.name, get.name);
  assert.deepEqual(trailers.get("atoll-as-of-bin"), []);
  west.cut = true;
  const refused = await failure(call(api.nodes, api.nodes.getNode, get, 10_000, exact));
  assert.deepEqual([refused.code, refused.reason], [status.UNAVAILABLE, "NOT_CONFIRMED"]);
  assert.equal(refused.metadata["datacenter"], "west");
  assert.match(refused.metadata["last_contact"] ?? "", /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.match(refused.metadata["mirror_age_ms"] ?? "", /^\d+$/);
});

test("the own datacenter is read from its mirror where that is demanded", async () => {
  await using both = await startBoth();
  const { api, gateway } = both;
  gateway.datacenter.feedsHeld = true;
  gateway.datacenter.append(discovered("n9"));
  const list = { ...ALL, parent: "datacenters/dc1" };
  const mirror = demand({ "atoll-consistency": "mirror" });
  const { response } = await call(api.nodes, api.nodes.listNodes, list, 10_000, mirror);
  assert.equal(response.nodes.length, 2);
  const odd = demand({ "atoll-consistency": "fresh" });
  const refused = await failure(call(api.nodes, api.nodes.listNodes, list, 10_000, odd));
  assert.equal(refused.reason, "CONSISTENCY_INVALID");
});

test("what one answer carried, a later call sees", async () => {
  await using both = await startBoth();
  const { api, west } = both;
  west.feedHeld = true;
  // Written through another gateway, which said: west/3.
  west.append(discovered("n4"));
  const get = { name: `${WEST}/nodes/n4` };
  const seen = demand({ "atoll-at-least": ["dc1/1", "west/3", "nowhere/7", "west/2"] });
  const asked = call(api.nodes, api.nodes.getNode, get, 10_000, seen);
  setTimeout(() => west.heal(), 50);
  assert.equal((await asked).response.name, get.name);
});

test("an index that nobody wrote is refused, and one that cannot be had now", async () => {
  await using both = await startBoth();
  const { api, west } = both;
  const get = { name: WEST_N1 };
  const beyond = demand({ "atoll-at-least": "west/99" });
  const refused = await failure(call(api.nodes, api.nodes.getNode, get, 10_000, beyond));
  assert.deepEqual([refused.code, refused.reason], [status.OUT_OF_RANGE, "INDEX_BEYOND_END"]);
  assert.equal(refused.metadata["last_index"], "2");
  west.cut = true;
  const unknown = await failure(call(api.nodes, api.nodes.getNode, get, 10_000, beyond));
  assert.deepEqual([unknown.code, unknown.reason], [status.UNAVAILABLE, "INDEX_NOT_REACHED"]);
  for (const text of ["west", "west/", "west/-1", "WEST/3", "/3", "west/3,,"]) {
    const odd = demand({ "atoll-at-least": text });
    const wrong = await failure(call(api.nodes, api.nodes.getNode, get, 10_000, odd));
    assert.equal(wrong.reason, "AT_LEAST_INVALID", text);
  }
});

test("a write goes to the datacenter that is named, once, and is seen when answered", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  const before = gateway.datacenter.log.length;
  const request = { name: WEST_N1, reason: "fans", requestId: "r1" };
  const { response, trailers } = await call(api.nodes, api.nodes.startMaintenance, request);
  assert.equal(response.maintenance?.actor, "user/anonymous");
  assert.equal(response.name, WEST_N1);
  assert.deepEqual(trailers.get("atoll-index"), ["3"]);
  assert.deepEqual(trailers.get("atoll-at-least"), ["west/3"]);
  await call(api.nodes, api.nodes.startMaintenance, request);
  assert.equal(west.datacenter.log.length, 3);
  assert.equal(gateway.datacenter.log.length, before);
});

test("a write that cannot reach its datacenter says which, since when, and how old", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  await untilStale(api, false);
  west.cut = true;
  const request = { name: WEST_N1, reason: "fans", requestId: "" };
  const refused = await failure(call(api.nodes, api.nodes.startMaintenance, request));
  assert.deepEqual([refused.code, refused.reason], [status.UNAVAILABLE, "DATACENTER_UNREACHABLE"]);
  assert.match(
    refused.message,
    /^datacenter west cannot be reached \(the link is cut\); nothing was done; it was last heard/,
  );
  const { datacenter, last_contact: contact, mirror_age_ms: age } = refused.metadata;
  assert.equal(datacenter, "west");
  assert.ok(Math.abs(Date.now() - Date.parse(contact ?? "")) < 60_000, contact);
  assert.match(age ?? "", /^\d+$/);
  assert.equal(west.datacenter.log.length, 2);
  const home = { ...request, name: "datacenters/dc1/nodes/n1" };
  await call(api.nodes, api.nodes.startMaintenance, home);
  gateway.datacenter.elect(0);
  const leaderless = await failure(call(api.nodes, api.nodes.startMaintenance, home, 500));
  assert.equal(leaderless.reason, "NO_LEADER");
  assert.deepEqual(Object.keys(leaderless.metadata).toSorted(), [
    "datacenter",
    "last_contact",
    "mirror_age_ms",
  ]);
});

test("a datacenter of which nothing is known holds up no list", async () => {
  await using both = await startBoth();
  using north = new RemoteIsland("north", { cut: true });
  const { api, gateway } = both;
  gateway.app.islands.add(north.island);
  const { response } = await call(api.nodes, api.nodes.listNodes, ALL);
  assert.equal(response.nodes.length, 4);
  assert.deepEqual(
    response.asOf.map(({ datacenter, index, age }) => [datacenter, index > 0, age !== undefined]),
    [
      ["dc1", true, true],
      ["north", false, false],
      ["west", true, true],
    ],
  );
  const alone = { ...ALL, parent: "datacenters/north" };
  const refused = await failure(call(api.nodes, api.nodes.listNodes, alone));
  assert.deepEqual([refused.code, refused.reason], [status.UNAVAILABLE, "NOT_SYNCED"]);
  assert.match(refused.message, /it was never heard of/);
  const exact = demand({ "atoll-consistency": "exact" });
  const demanded = await failure(call(api.nodes, api.nodes.listNodes, ALL, 10_000, exact));
  assert.equal(demanded.metadata["datacenter"], "north");
  const all = await call(api.datacenters, api.datacenters.listDatacenters, {
    pageSize: 2,
    pageToken: "",
  });
  const rest = await call(api.datacenters, api.datacenters.listDatacenters, {
    pageSize: 2,
    pageToken: all.response.nextPageToken,
  });
  assert.deepEqual(
    [...all.response.datacenters, ...rest.response.datacenters].map(
      ({ name, home, nodeCount, replicas }) => [name, home, nodeCount, replicas.length],
    ),
    [
      ["datacenters/dc1", true, 2, 1],
      ["datacenters/north", false, 0, 0],
      ["datacenters/west", false, 2, 0],
    ],
  );
  assert.equal(rest.response.nextPageToken, "");
});

test("ListEvents over all goes through one history after the other", async () => {
  await using both = await startBoth();
  const { api, west } = both;
  const names: string[] = [];
  const sizes: number[] = [];
  let pageToken = "";
  const request = { ...ALL, pageSize: 3, fromIndex: 0 };
  do {
    const { response } = await call(api.events, api.events.listEvents, { ...request, pageToken });
    names.push(...response.events.map(({ name }) => name.slice("datacenters/".length)));
    sizes.push(response.events.length);
    pageToken = response.nextPageToken;
    assert.equal(response.asOf?.datacenter, "dc1");
  } while (pageToken !== "");
  const dc1 = ["1-0", "1-1", "2-0", "2-1"].map((id) => `dc1/events/${id}`);
  const there = ["1-0", "1-1", "2-0", "2-1"].map((id) => `west/events/${id}`);
  assert.deepEqual(
    [names, sizes],
    [
      [...dc1, ...there],
      [3, 3, 2],
    ],
  );
  const newest = { ...request, fromIndex: -1, pageToken };
  const { response } = await call(api.events, api.events.listEvents, newest);
  assert.deepEqual(
    response.events.map(({ name }) => name),
    ["datacenters/dc1/events/2-1", "datacenters/west/events/2-1"],
  );
  const full = { ...request, fromIndex: -2, pageSize: 2 };
  const last = await call(api.events, api.events.listEvents, { ...full, pageToken });
  const after = { ...full, pageToken: last.response.nextPageToken };
  const rest = await call(api.events, api.events.listEvents, after);
  assert.deepEqual(
    [...last.response.events, ...rest.response.events].map(({ name }) => name.split("/")[1]),
    ["dc1", "dc1", "west", "west"],
  );
  const odd = await failure(
    call(api.events, api.events.listEvents, { ...request, fromIndex: 2, pageToken }),
  );
  assert.equal(odd.violations[0]?.field, "from_index");
  west.cut = true;
  const without = await call(api.events, api.events.listEvents, { ...request, pageSize: 0 });
  assert.equal(without.response.events.length, 4);
  assert.deepEqual(
    without.response.parts.map(({ datacenter, index, stale }) => [datacenter, index, stale]),
    [
      ["dc1", 2, false],
      ["west", 0, true],
    ],
  );
});

test("operations of all datacenters are listed, each under its own name", async () => {
  await using both = await startBoth();
  const { api } = both;
  for (const parent of ["datacenters/dc1", WEST]) {
    const node = { name: `${parent}/nodes/n1`, requestId: "" };
    await call(api.nodes, api.nodes.startMaintenance, { ...node, reason: "fans" });
    await call(api.nodes, api.nodes.endMaintenance, node);
  }
  const { response } = await call(api.operations, api.operations.listOperations, ALL);
  assert.deepEqual(
    response.operations.map(({ name }) => name),
    ["datacenters/dc1/operations/op-1", `${WEST}/operations/op-1`],
  );
  const { response: one } = await call(api.operations, api.operations.getOperation, {
    name: `${WEST}/operations/op-1`,
  });
  assert.equal(one.kind, "endMaintenance");
});

test("what only a datacenter's own gateways can do is refused elsewhere", async () => {
  await using both = await startBoth();
  const { api } = both;
  const list = { parent: WEST, pageSize: 0, pageToken: "" };
  const refused = await failure(call(api.groups, api.groups.listReplicas, list));
  assert.deepEqual([refused.code, refused.reason], [status.FAILED_PRECONDITION, "NOT_THE_HOME"]);
  const storms = { parent: "datacenters/-" };
  const ambiguous = await failure(call(api.datacenters, api.datacenters.listStorms, storms));
  assert.equal(ambiguous.reason, "DATACENTER_AMBIGUOUS");
  assert.match(ambiguous.message, /datacenters\/dc1, datacenters\/west/);
});

test("islands can be added and removed while lists are read", async () => {
  await using both = await startBoth();
  const { api, gateway, west } = both;
  const first = await call(api.nodes, api.nodes.listNodes, { ...ALL, pageSize: 3 });
  gateway.app.islands.remove(west.island);
  const rest = await call(api.nodes, api.nodes.listNodes, {
    ...ALL,
    pageSize: 3,
    pageToken: first.response.nextPageToken,
  });
  assert.deepEqual([rest.response.nodes, rest.response.asOf.length], [[], 1]);
});
