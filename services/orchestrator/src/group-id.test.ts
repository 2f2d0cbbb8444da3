/** As what a replica with an empty folder begins: by what the others say of it. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { DatacenterName } from "@atoll/domain";
import {
  GetStatusResponse,
  OrchestratorServiceService,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import { type Address, readGroupFile, silentLog, writeGroupFile } from "@atoll/service-kit";
import { type sendUnaryData, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Config } from "./config.ts";
import { settleGroup, type SettledGroup } from "./group-id.ts";

interface Peer extends Disposable {
  readonly address: Address;
}

async function startPeer(status: Partial<GetStatusResponse>): Promise<Peer> {
  const server = new Server();
  server.addService(OrchestratorServiceService, {
    getStatus: (_call: unknown, done: sendUnaryData<GetStatusResponse>) =>
      done(null, { ...GetStatusResponse.create(), datacenter: "dc1", ...status }),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { address: at(port), [Symbol.dispose]: () => server.forceShutdown() };
}

function at(port: number): Address {
  return { host: "127.0.0.1", port, text: `127.0.0.1:${port}` };
}

async function withFolder(body: (dataDir: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-group-"));
  try {
    await body(join(folder, "replica"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function config(
  dataDir: string,
  about: {
    readonly replicaId: number;
    readonly join: boolean;
    readonly peers: readonly (readonly [number, Address])[];
  },
): Config {
  const listen = at(1);
  return {
    datacenter: "dc1" as DatacenterName,
    replicaId: about.replicaId,
    replicas: new Map([...about.peers, [about.replicaId, listen]]),
    join: about.join,
    listen,
    dataDir,
    natsUrl: "",
    streamReplicas: 1,
    adminPort: 0,
    transport: "insecure-for-lab",
    logLevel: "silent",
  };
}

function settle(about: Config): Promise<SettledGroup> {
  return settleGroup(about, silentLog, new AbortController().signal);
}

test("settleGroup() founds with the environment when nobody answers", () =>
  withFolder(async (dataDir) => {
    const peers = [2, 3].map((id) => [id, at(1)] as const);
    const settled = await settle(config(dataDir, { replicaId: 1, join: false, peers }));
    assert.deepEqual(settled, { groupId: "atoll/dc1", founding: [1, 2, 3], newStanding: "blank" });
  }));

test("settleGroup() takes a group's id and voters of today from a peer, and keeps the id", () =>
  withFolder(async (dataDir) => {
    const groupId = "atoll/dc1/0badcafe";
    using peer = await startPeer({ id: 2, groupId, voters: [1, 2, 4] });
    const peers = [[2, peer.address] as const, [3, at(1)] as const];
    const settled = await settle(config(dataDir, { replicaId: 1, join: false, peers }));
    assert.deepEqual(settled, { groupId, founding: [1, 2, 4], newStanding: "blank" });
    assert.equal(await readGroupFile(dataDir), groupId);
  }));

test("settleGroup() lets one join as new that a majority says has no vote", () =>
  withFolder(async (dataDir) => {
    const about = { groupId: "atoll/dc1", voters: [1, 2, 3] };
    using two = await startPeer({ id: 2, ...about });
    // One address is enough: who answers names the others.
    using one = await startPeer({ id: 1, ...about, addresses: { 2: two.address.text } });
    const peers = [[1, one.address] as const];
    const settled = await settle(config(dataDir, { replicaId: 4, join: true, peers }));
    assert.deepEqual(settled, { groupId: "atoll/dc1", founding: [], newStanding: "whole" });
  }));

test("settleGroup() never calls one new that had a vote and comes with an empty folder", () =>
  withFolder(async (dataDir) => {
    const groupId = "atoll/dc1";
    using one = await startPeer({ id: 1, groupId, voters: [1, 2, 4], appliedIndex: 9 });
    using two = await startPeer({ id: 2, groupId, voters: [1, 2, 3], appliedIndex: 5 });
    const peers = [[1, one.address] as const, [2, two.address] as const];
    const settled = await settle(config(dataDir, { replicaId: 4, join: true, peers }));
    assert.deepEqual(settled, { groupId, founding: [1, 2, 4], newStanding: "blank" });
  }));

test("settleGroup() refuses a folder of another datacenter", () =>
  withFolder(async (dataDir) => {
    await writeGroupFile(dataDir, "atoll/dc2");
    await mkdir(join(dataDir, "raft"));
    const about = { replicaId: 1, join: false, peers: [] };
    await assert.rejects(settle(config(dataDir, about)), /none of datacenter dc1/);
  }));

test("settleGroup() waits to join until its signal ends the wait", () =>
  withFolder(async (dataDir) => {
    const controller = new AbortController();
    const log = { ...silentLog, info: () => controller.abort("enough") };
    const about = { replicaId: 4, join: true, peers: [[1, at(1)] as const] };
    const settled = settleGroup(config(dataDir, about), log, controller.signal);
    await assert.rejects(settled, { name: "AbortError", cause: "enough" });
  }));
