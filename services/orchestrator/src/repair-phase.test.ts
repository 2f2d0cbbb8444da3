/** A replica that repairs its log sees that it is to end, also while entries come in. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { LevelLogStore, type LevelLogStoreOptions } from "@atoll/raft-level";
import { createMetrics, silentLog, startGrpcServer } from "@atoll/service-kit";
import { type Entry, membershipOf } from "raft-ts";
import type { Config } from "./config.ts";
import { repairDamaged } from "./repair-phase.ts";
import { repairService, type RepairServiceParts } from "./repair-service.ts";

const IDENTITY = { groupId: "g", replicaId: 1 };
/** More than anybody would ask for one by one before the end is seen. */
const LOST_ENTRIES = 1_000;
const SEGMENT = "segment-00000001.log";

function entryAt(index: number): Entry {
  return { index, term: 1, type: "data", data: Buffer.from(`entry ${index}`) };
}

async function append(store: LevelLogStore, from: number, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, at) => entryAt(from + at));
  const hardState = { term: 1, vote: 1, commit: from - 1 };
  await new Promise<void>((resolve, reject) => {
    store.write({ entries, hardState }, (error) => (error ? reject(error) : resolve()));
  });
}

/** A log whose second record of three is bad. */
async function damagedLog(context: TestContext): Promise<LevelLogStoreOptions> {
  const parent = await mkdtemp(join(tmpdir(), "atoll-repair-phase-"));
  context.after(() => rm(parent, { recursive: true }));
  const folder = join(parent, "raft");
  const options = { folder, identity: IDENTITY, founding: membershipOf([1, 2]) };
  const { store } = await LevelLogStore.open(options);
  await append(store, 1, 2);
  await append(store, 3, LOST_ENTRIES);
  await append(store, LOST_ENTRIES + 3, 2);
  await store[Symbol.asyncDispose]();
  const path = join(folder, SEGMENT);
  const bytes = await readFile(path);
  const middle = bytes.findLastIndex((byte) => byte !== 0) >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 0x10;
  await writeFile(path, bytes);
  return options;
}

/** A replica that repairs its own log and gives what is asked of it. */
function startPeer(
  entriesUpTo: RepairServiceParts["entriesUpTo"],
): ReturnType<typeof startGrpcServer> {
  const answerer = (): ReturnType<RepairServiceParts["answerer"]> => ({
    whole: false,
    voters: [],
    outgoingVoters: [],
    addresses: {},
  });
  return startGrpcServer({
    listen: "127.0.0.1:0",
    transport: "insecure-for-lab",
    services: [repairService({ groupId: "g", replicaId: 2, entriesUpTo, answerer })],
    reflection: false,
    log: silentLog,
    metrics: createMetrics("test"),
  });
}

test("repairDamaged() ends when it is told to, also while entries come in", async (context) => {
  const options = await damagedLog(context);
  const damage = await LevelLogStore.open(options).catch((error: Error) => error);
  assert.ok(damage instanceof Error);
  const controller = new AbortController();
  let asked = 0;
  await using peer = await startPeer(async ({ to }) => {
    asked += 1;
    if (asked === 3) controller.abort("SIGTERM");
    return { entries: [entryAt(to)], previousTerm: 1 };
  });
  const address = { host: "127.0.0.1", port: peer.port, text: `127.0.0.1:${peer.port}` };
  const config = {
    transport: "insecure-for-lab",
    replicas: new Map([[2, address]]),
    listen: { host: "127.0.0.1", port: 0, text: "127.0.0.1:0" },
    adminPort: 0,
  } as const;
  const { folder } = options;
  const { signal } = controller;
  const repairing = repairDamaged(damage, {
    config: config as unknown as Config,
    folder,
    identity: IDENTITY,
    log: silentLog,
    signal,
  });
  await assert.rejects(repairing, { name: "AbortError" });
  assert.equal(asked, 3);
  const again = await LevelLogStore.open(options).catch((error: Error) => error);
  assert.equal((again as Error).message, damage.message, "the log is as it was");
});
