/**
 * Gateways of several datacenters, linked for real, each over a fake orchestrator.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { status } from "@grpc/grpc-js";
import { call, failure } from "./testing/client.ts";
import { discovered, startTestGateway, type TestGateway } from "./testing/gateway.ts";

const ALL = { parent: "datacenters/-", pageSize: 0, pageToken: "", filter: "" };

/** Where gateways serve each other, and where they keep mirrors. */
async function place(context: TestContext): Promise<{ listen: string; dataDir: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), "atoll-federation-"));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return { listen: `127.0.0.1:${await freePort()}`, dataDir };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function start(
  name: string,
  at: { listen: string; dataDir: string },
  peers: readonly string[],
): Promise<TestGateway> {
  const dialled = peers.map((address) => ({ address }));
  const federation = {
    ...at,
    peers: dialled,
    transport: "insecure-for-lab" as const,
    bytesPerSecond: 0,
  };
  return startTestGateway({ name, replicas: 1, nodes: [`${name}-n1`], federation });
}

/** Names of all nodes, and what the answer says of each datacenter. */
async function nodesOf(gateway: TestGateway): Promise<{ names: string[]; stale: string[] }> {
  const { api } = gateway;
  const { response } = await call(api.nodes, api.nodes.listNodes, ALL);
  const stale = response.asOf.filter((asOf) => asOf.stale).map(({ datacenter }) => datacenter);
  return { names: response.nodes.map(({ name }) => name), stale };
}

async function untilNodes(
  gateway: TestGateway,
  names: readonly string[],
  stale: readonly string[] = [],
): Promise<void> {
  const wanted = JSON.stringify({ names, stale });
  const endMs = Date.now() + 20_000;
  for (;;) {
    const seen = JSON.stringify(await nodesOf(gateway));
    if (seen === wanted) return;
    if (Date.now() > endMs) assert.equal(seen, wanted);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const EAST_N1 = "datacenters/east/nodes/east-n1";
const WEST_N1 = "datacenters/west/nodes/west-n1";

test("two gateways show each other's nodes as they change, whoever dials", async (context) => {
  for (const dials of ["east", "west"]) {
    const eastPlace = await place(context);
    const westPlace = await place(context);
    await using east = await start("east", eastPlace, dials === "east" ? [westPlace.listen] : []);
    await using west = await start("west", westPlace, dials === "west" ? [eastPlace.listen] : []);
    await untilNodes(east, [EAST_N1, WEST_N1]);
    await untilNodes(west, [EAST_N1, WEST_N1]);
    west.datacenter.append(discovered("west-n2"));
    await untilNodes(east, [EAST_N1, WEST_N1, "datacenters/west/nodes/west-n2"]);
  }
});

test("a write to another datacenter is decided there, once, and read here", async (context) => {
  const eastPlace = await place(context);
  const westPlace = await place(context);
  await using east = await start("east", eastPlace, [westPlace.listen]);
  await using west = await start("west", westPlace, []);
  await untilNodes(east, [EAST_N1, WEST_N1]);
  const request = { name: WEST_N1, reason: "fans", requestId: "r1" };
  const { nodes } = east.api;
  for (let repetition = 0; repetition < 2; repetition += 1) {
    const { response } = await call(nodes, nodes.startMaintenance, request);
    assert.equal(response.maintenance?.reason, "fans");
  }
  const kept = west.datacenter.state.datacenter.node("west-n1" as never)?.maintenance;
  assert.equal(kept?.reason, "fans");
  const refused = await failure(
    call(nodes, nodes.startMaintenance, { ...request, reason: "", requestId: "r2" }),
  );
  assert.equal(refused.code, status.INVALID_ARGUMENT);
});

test("what was known of a datacenter is there after a restart without it", async (context) => {
  const eastPlace = await place(context);
  const westPlace = await place(context);
  {
    await using west = await start("west", westPlace, []);
    await using east = await start("east", eastPlace, [westPlace.listen]);
    await untilNodes(east, [EAST_N1, WEST_N1]);
    await untilNodes(west, [EAST_N1, WEST_N1]);
  }
  await using east = await start("east", eastPlace, [westPlace.listen]);
  await untilNodes(east, [EAST_N1, WEST_N1], ["west"]);
  const { nodes } = east.api;
  const refused = await failure(
    call(nodes, nodes.startMaintenance, { name: WEST_N1, reason: "x", requestId: "" }),
  );
  assert.equal(refused.code, status.UNAVAILABLE);
  assert.match(refused.message, /datacenter west/);
  await using west = await start("west", westPlace, []);
  west.datacenter.append(discovered("west-n2"));
  await untilNodes(east, [EAST_N1, WEST_N1, "datacenters/west/nodes/west-n2"]);
});

test("a datacenter without a link is read and asked through a third", async (context) => {
  const places = {
    east: await place(context),
    north: await place(context),
    west: await place(context),
  };
  await using north = await start("north", places.north, []);
  await using east = await start("east", places.east, [places.north.listen]);
  await using west = await start("west", places.west, [places.north.listen]);
  const all = [EAST_N1, "datacenters/north/nodes/north-n1", WEST_N1];
  for (const gateway of [north, east, west]) await untilNodes(gateway, all);
  const { nodes } = east.api;
  const request = { name: WEST_N1, reason: "fans", requestId: "r1" };
  const { response } = await call(nodes, nodes.startMaintenance, request);
  assert.equal(response.maintenance?.reason, "fans");
});
