/**
 * Gateways of several datacenters, linked for real, each over a fake orchestrator.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as codec from "@atoll/codec";
import type { DatacenterName } from "@atoll/domain";
import {
  type GreetResponse,
  PeerServiceClient,
  PeerServiceService,
  type ReadRequest,
  type ReadResponse,
} from "@atoll/proto/atoll/peer/v1/peer";
import { channelCredentials, ConfigError, silentLog, systemClock } from "@atoll/service-kit";
import {
  type ClientDuplexStream,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
} from "@grpc/grpc-js";
import { type Config, makeConfig } from "./config.ts";
import { readEnvironment } from "./env.ts";
import { Islands } from "./islands/islands.ts";
import { Mirror } from "./islands/mirror.ts";
import { PEERS_MAX } from "./peers/federation.ts";
import { KnownDatacenters } from "./peers/known-datacenters.ts";
import { type MirrorDisk, openMirrorDisk } from "./peers/mirror-disk.ts";
import type { RemoteIsland } from "./peers/remote-island.ts";
import { call, eventually, failure } from "./testing/client.ts";
import { discovered, startTestGateway, type TestGateway } from "./testing/gateway.ts";
import { RemoteIsland as HandFedIsland } from "./testing/remote-island.ts";

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
  const federation = {
    ...at,
    peers: peers.map((address) => ({ address })),
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
  const { response } = await call(nodes, nodes.startMaintenance, request);
  assert.equal(response.maintenance?.reason, "fans");
  await call(nodes, nodes.startMaintenance, { ...request, reason: "disk", requestId: "r0" });
  const { length } = west.datacenter.log;
  // Decided again it would replace the reason.
  const repeated = await call(nodes, nodes.startMaintenance, request);
  assert.equal(repeated.response.maintenance?.reason, "disk");
  assert.equal(west.datacenter.log.length, length);
  const kept = west.datacenter.state.datacenter.node("west-n1" as never)?.maintenance;
  assert.equal(kept?.reason, "disk");
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

/** One stream of a link that a test has dialled. */
class DialledByHand {
  readonly answers: ReadResponse[] = [];
  /** How it ended. */
  readonly ended: Promise<status>;
  readonly call: ClientDuplexStream<ReadRequest, ReadResponse>;

  constructor(
    client: PeerServiceClient,
    kind: "read" | "offer" | "ask" | "answer",
    [datacenter, gateway, link]: readonly [string, string, string],
  ) {
    const named = { "atoll-datacenter": datacenter, "atoll-gateway": gateway };
    const metadata = Metadata.fromHttp2Headers({ ...named, ...(link && { "atoll-link": link }) });
    const dialled: unknown = client[kind](metadata);
    this.call = dialled as ClientDuplexStream<ReadRequest, ReadResponse>;
    this.call.on("data", (answer: ReadResponse) => this.answers.push(answer));
    this.ended = new Promise((over) => this.call.on("status", ({ code }) => over(code)));
    this.call.on("error", () => undefined);
  }

  follow(datacenter: string): void {
    const value = { fromIndex: 0, groupId: "" };
    this.call.write({ datacenter, number: 1, request: { $case: "follow", value } });
  }

  /** Waits for an answer of that kind that was not there. */
  async answered(kind: string): Promise<void> {
    const from = this.answers.length;
    await eventually(() =>
      this.answers.slice(from).some(({ response }) => response?.$case === kind),
    );
  }
}

function dialByHand(context: TestContext, listen: string): PeerServiceClient {
  const client = new PeerServiceClient(listen, channelCredentials("insecure-for-lab"));
  context.after(() => client.close());
  return client;
}

test("a link ends with one of its streams, and no other link does", async (context) => {
  const eastPlace = await place(context);
  await using _east = await start("east", eastPlace, []);
  const client = dialByHand(context, eastPlace.listen);
  const old = new DialledByHand(client, "read", ["west", "w1", "old"]);
  const asking = new DialledByHand(client, "ask", ["west", "w1", "old"]);
  const later = new DialledByHand(client, "read", ["west", "w1", "later"]);
  for (const stream of [old, later]) {
    stream.follow("nowhere");
    await stream.answered("refusal");
  }
  old.call.cancel();
  assert.equal(await asking.ended, status.OK);
  later.follow("nowhere");
  await later.answered("refusal");
});

test("a link has one stream of each kind, and a gateway few links", async (context) => {
  const eastPlace = await place(context);
  await using _east = await start("east", eastPlace, []);
  const client = dialByHand(context, eastPlace.listen);
  const read = (...names: [string, string, string]): DialledByHand => {
    const stream = new DialledByHand(client, "read", names);
    stream.follow("nowhere");
    return stream;
  };
  for (let link = 1; link <= 8; link += 1) {
    await read("west", "w1", `l${link}`).answered("refusal");
  }
  assert.equal(await read("west", "w1", "l1").ended, status.ALREADY_EXISTS);
  assert.equal(await read("west", "w1", "l9").ended, status.RESOURCE_EXHAUSTED);
  assert.equal(await read("east", "e2", "l1").ended, status.INVALID_ARGUMENT);
  assert.equal(await read("west", "w2", "").ended, status.INVALID_ARGUMENT);
  await read("west", "w2", "l1").answered("refusal");
});

test("a mirror is served while it is fed, with signs of life", async (context) => {
  const northPlace = await place(context);
  const westPlace = await place(context);
  await using north = await start("north", northPlace, [westPlace.listen]);
  const reader = new DialledByHand(dialByHand(context, northPlace.listen), "read", [
    "south",
    "s1",
    "l1",
  ]);
  {
    await using _west = await start("west", westPlace, []);
    await untilNodes(north, ["datacenters/north/nodes/north-n1", WEST_N1]);
    reader.follow("west");
    await reader.answered("following");
    const isBeat = ({ response }: ReadResponse): boolean =>
      response?.$case === "plain" && response.value.content?.$case === "position";
    await eventually(() => reader.answers.some(isBeat));
    assert.ok(reader.answers.every(({ response }) => response?.$case !== "refusal"));
  }
  await eventually(() => reader.answers.at(-1)?.response?.$case === "refusal");
  reader.follow("west");
  await reader.answered("refusal");
});

/** A gateway of west at two addresses that takes links and says nothing on them. */
async function fakePeer(
  context: TestContext,
  greetsAfterMs: number,
): Promise<{ addresses: string[]; greets: number; reads: number }> {
  const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const seen = { addresses, greets: 0, reads: 0 };
  const greeting = { datacenter: "west", gateway: "w1", version: "", sources: [], places: [] };
  const greet = (_call: unknown, done: sendUnaryData<GreetResponse>): void => {
    seen.greets += 1;
    setTimeout(() => done(null, { greeting }), greetsAfterMs);
  };
  type Stream = ServerDuplexStream<unknown, unknown>;
  const take = (stream: Stream): void => void stream.on("error", () => undefined).resume();
  const read = (stream: Stream): void => {
    seen.reads += 1;
    take(stream);
  };
  const server = new Server();
  server.addService(PeerServiceService, { greet, read, offer: take, ask: take, answer: take });
  const credentials = ServerCredentials.createInsecure();
  for (const address of addresses) {
    await new Promise((bound) => server.bindAsync(address, credentials, bound));
  }
  context.after(() => server.forceShutdown());
  return seen;
}

test("two addresses of one gateway make one link", async (context) => {
  const peer = await fakePeer(context, 0);
  await using _east = await start("east", await place(context), peer.addresses);
  await eventually(() => peer.greets >= 2 && peer.reads > 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(peer.reads, 1);
});

test("a gateway stops at once, though its greetings are not answered yet", async (context) => {
  const peer = await fakePeer(context, 1_000);
  const east = await start("east", await place(context), peer.addresses);
  await eventually(() => peer.greets >= 2);
  const stoppedMs = Date.now();
  await east[Symbol.asyncDispose]();
  assert.ok(Date.now() - stoppedMs < 900);
});

test("a mirror on disk that cannot be read is begun anew", async (context) => {
  const eastPlace = await place(context);
  const westPlace = await place(context);
  {
    await using _west = await start("west", westPlace, []);
    await using east = await start("east", eastPlace, [westPlace.listen]);
    await untilNodes(east, [EAST_N1, WEST_N1]);
  }
  const errors: string[] = [];
  const log = { ...silentLog, error: (message: string) => void errors.push(message) };
  const open = (readable: boolean): Promise<MirrorDisk<Mirror>> => {
    const make = (): Mirror => {
      const mirror = new Mirror({ codec, clock: systemClock });
      const broken = { take: () => undefined, finish: () => assert.fail("of a later release") };
      if (!readable) mirror.restoreInPieces = () => broken;
      return mirror;
    };
    const options = { dataDir: eastPlace.dataDir, datacenter: "west" };
    return openMirrorDisk(options, { make, turns: { soon: setImmediate } }, log);
  };
  const whole = await open(true);
  assert.equal(whole.groupId, "atoll/west");
  await whole.store[Symbol.asyncDispose]();
  const emptied = await open(false);
  assert.deepEqual([emptied.groupId, emptied.target.appliedIndex], ["", 0]);
  assert.equal(errors.length, 1);
  await emptied.store[Symbol.asyncDispose]();
});

test("names that are only heard of take a part of the room", async () => {
  using home = new HandFedIsland("east");
  const islands = new Islands(home.island);
  const opened: string[] = [];
  const open = async (name: DatacenterName): Promise<RemoteIsland> => {
    opened.push(name);
    if (name === "broken") throw new Error("the disk is full");
    const fed = new HandFedIsland(name);
    const close = async (): Promise<void> => fed[Symbol.dispose]();
    const { island } = fed;
    return { island, [Symbol.asyncDispose]: close } as Partial<RemoteIsland> as RemoteIsland;
  };
  const configured = ["south", "southwest"];
  await using known = new KnownDatacenters({ islands, configured, open, log: silentLog });
  for (let at = 0; at < 20; at += 1) known.heardOf(`far-${at}`);
  assert.equal(opened.length, 16);
  known.heardOf("south");
  known.met("west");
  assert.deepEqual(opened.slice(16), ["south", "west"]);
  known.met("far-0");
  known.heardOf("far-18");
  known.heardOf("far-19");
  assert.deepEqual(opened.slice(18), ["far-18"]);
  for (let time = 0; time < 2; time += 1) {
    known.met("broken");
    await new Promise(setImmediate);
  }
  assert.deepEqual(opened.splice(19), ["broken", "broken"]);
  for (let at = 0; at < 60; at += 1) known.met(`near-${at}`);
  assert.equal(opened.length, 62);
  known.heardOf("southwest");
  assert.equal(opened.at(-1), "southwest");
  await new Promise(setImmediate);
  assert.equal(islands.all.length, 64);
});

test("more peers than a gateway dials are refused", () => {
  const configure = (count: number): Config =>
    makeConfig(
      readEnvironment({
        ATOLL_DATACENTER: "east",
        ATOLL_REPLICAS: "1=127.0.0.1:1",
        ATOLL_PEERS: Array.from({ length: count }, () => "127.0.0.1:1").join(),
        ATOLL_DATA_DIR: "data",
        ATOLL_TRANSPORT: "insecure-for-lab",
      }),
    );
  assert.equal(configure(PEERS_MAX).federation?.peers.length, PEERS_MAX);
  assert.throws(() => configure(PEERS_MAX + 1), ConfigError);
});
