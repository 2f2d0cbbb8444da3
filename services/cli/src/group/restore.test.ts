/** Restoring a lost group: what the folders hold afterwards, and everything that is refused. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as codec from "@atoll/codec";
import { Datacenter, evolveEntry } from "@atoll/domain";
import { makeHistory } from "@atoll/domain/testing";
import {
  GetStatusResponse,
  OrchestratorServiceService,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import { ForeignLogError, LevelLogStore } from "@atoll/raft-level";
import { readGroupFile } from "@atoll/service-kit";
import { type sendUnaryData, Server, ServerCredentials } from "@grpc/grpc-js";
import { membershipOf } from "raft-ts";
import { type CommandResult, runCommand } from "../testing/run-command.ts";
import { type BackupHeader, BackupWriter } from "./backup-file.ts";
import { RESTORE_INDEX_LEAP, RESTORE_TERM_LEAP } from "./restore.ts";

const ENTRIES = 120;

interface Place {
  readonly folder: string;
  readonly backup: string;
  readonly state: Datacenter;
}

async function withBackup(body: (place: Place) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-restore-"));
  try {
    const state = new Datacenter();
    for (const _step of makeHistory(7, ENTRIES, state));
    const backup = join(folder, "one.atollbackup");
    await writeBackup(backup, state);
    await body({ folder, backup, state });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeBackup(
  path: string,
  state: Datacenter,
  about: Partial<BackupHeader> = {},
): Promise<void> {
  const header = {
    datacenter: "dc1",
    groupId: "atoll/dc1",
    index: ENTRIES,
    term: 5,
    voters: [1, 2, 3],
    learners: [],
    addresses: { 1: "127.0.0.1:1", 2: "127.0.0.1:2", 3: "127.0.0.1:3" },
    createdAtMs: 1_700_000_000_000,
    version: "0.1.0",
    ...about,
  };
  await using writer = await BackupWriter.create(path, header);
  for (const chunk of codec.encodeSnapshot(state)) await writer.piece(chunk);
  assert.deepEqual((await writer.finish()).problems, []);
}

function restore(place: Place, ...words: readonly string[]): Promise<CommandResult> {
  const folders = [1, 2, 3].map((id) => join(place.folder, `r${id}`));
  const all = ["group", "restore", place.backup, "--to", ...folders, "--datacenter", "dc1"];
  return runCommand([...all, ...words], { gateway: "127.0.0.1:1" });
}

/** The state that a replica comes to which starts on `folder`. */
async function stateIn(folder: string, replicaId: number, groupId: string): Promise<Datacenter> {
  const opened = await LevelLogStore.open({
    folder: join(folder, "raft"),
    identity: { groupId, replicaId },
    founding: membershipOf([1]),
  });
  await using store = opened.store;
  const { snapshot, tail, hardState, last } = opened.recovered;
  assert.deepEqual(snapshot.membership.voters, [1, 2, 3]);
  assert.equal(snapshot.index, ENTRIES + RESTORE_INDEX_LEAP);
  assert.equal(hardState.term, 5 + RESTORE_TERM_LEAP);
  assert.equal(last.index, snapshot.index + 1);
  const chunk = await new Promise<Uint8Array>((resolve, reject) => {
    const { index, sizeBytes: maxBytes } = snapshot;
    store.readSnapshot({ index, offset: 0, maxBytes }, (error, bytes) => {
      if (bytes === undefined) reject(error as Error);
      else resolve(bytes);
    });
  });
  const state = codec.decodeSnapshot([chunk]);
  for (const { index, data } of tail) evolveEntry(state, codec.decodeLogEntry(data), index);
  return state;
}

test("restore: every folder holds the state, under a new group, beyond the lost one's reach", () =>
  withBackup(async (place) => {
    const { exitStatus, err, out } = await restore(place);
    assert.equal(exitStatus, 0, err);
    const groupId = (await readGroupFile(join(place.folder, "r1"))) ?? "";
    assert.match(groupId, /^atoll\/dc1\/[0-9a-f]{8}$/);
    assert.ok(out.includes(groupId));
    const generations = [...place.state.nodes()].map(({ generation }) => generation + 1_000_000);
    for (const id of [1, 2, 3]) {
      const folder = join(place.folder, `r${id}`);
      assert.equal(await readGroupFile(folder), groupId);
      const datacenter = await stateIn(folder, id, groupId);
      assert.deepEqual(
        [...datacenter.nodes()].map(({ generation }) => generation),
        generations,
      );
      assert.deepEqual(
        [...datacenter.groupReplicas()].map((replica) => [replica.id, replica.address]),
        [1, 2, 3].map((replica) => [replica, `127.0.0.1:${replica}`]),
      );
      assert.equal(datacenter.operationCount, place.state.operationCount);
      const old = { groupId: "atoll/dc1", replicaId: id };
      await assert.rejects(
        LevelLogStore.open({
          folder: join(folder, "raft"),
          identity: old,
          founding: membershipOf([1]),
        }),
        ForeignLogError,
      );
    }
  }));

test("restore: on several machines one group comes out, byte for byte", () =>
  withBackup(async ({ folder, backup }) => {
    const words = ["group", "restore", backup, "--datacenter", "dc1", "--to"];
    const first = await runCommand([...words, `2=${join(folder, "a")}`, "--output", "json"], {
      gateway: "127.0.0.1:1",
    });
    const { groupId } = JSON.parse(first.out) as { groupId: string };
    const second = await runCommand([...words, `3=${join(folder, "b")}`, "--group", groupId], {
      gateway: "127.0.0.1:1",
    });
    assert.equal(second.exitStatus, 0, second.err);
    const states = [
      await stateIn(join(folder, "a"), 2, groupId),
      await stateIn(join(folder, "b"), 3, groupId),
    ].map((state) => Buffer.concat(codec.encodeSnapshot(state)).toString("hex"));
    assert.equal(states[0], states[1]);
  }));

test("restore: a damaged backup is refused, with what is wrong in it", () =>
  withBackup(async (place) => {
    const bytes = await readFile(place.backup);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1;
    await writeFile(place.backup, bytes);
    const { exitStatus, err } = await restore(place);
    assert.equal(exitStatus, 1);
    assert.match(err, /is damaged\n {2}- piece 0 .*checksum/);
  }));

test("restore: a backup of another datacenter is refused", () =>
  withBackup(async (place) => {
    await rm(place.backup);
    await writeBackup(place.backup, place.state, { datacenter: "dc2", groupId: "atoll/dc2" });
    const { exitStatus, err } = await restore(place);
    assert.equal(exitStatus, 1);
    assert.match(err, /backup of datacenter dc2, not of dc1/);
  }));

test("restore: a newer backup beside it is named; the loss can be accepted", () =>
  withBackup(async (place) => {
    await writeBackup(join(place.folder, "two.atollbackup"), place.state, { index: ENTRIES + 9 });
    const refused = await restore(place);
    assert.equal(refused.exitStatus, 1);
    assert.match(
      refused.err,
      /is stale.*\n.*backup two\.atollbackup goes to entry 129, this one to 120/,
    );
    const accepted = await restore(place, "--accept-stale");
    assert.equal(accepted.exitStatus, 0, accepted.err);
  }));

test("restore: a replica's folder that knows more is named", () =>
  withBackup(async (place) => {
    const elsewhere = join(place.folder, "kept", "replica");
    assert.equal((await restore(place)).exitStatus, 0);
    await mkdir(join(place.folder, "kept"));
    await cp(join(place.folder, "r2"), elsewhere, { recursive: true });
    for (const id of [1, 2, 3]) await rm(join(place.folder, `r${id}`), { recursive: true });
    const { exitStatus, err } = await restore(place, "--compare", elsewhere);
    assert.equal(exitStatus, 1);
    assert.match(err, /folder of replica 2 at .*kept\/replica goes to entry 1000000121/);
  }));

test("restore: what is there already is never overwritten", () =>
  withBackup(async (place) => {
    await mkdir(join(place.folder, "r2"));
    const { exitStatus, err } = await restore(place);
    assert.equal(exitStatus, 1);
    assert.match(err, /r2 is there already; nothing was changed/);
    await assert.rejects(readFile(join(place.folder, "r1", "group.json")), /ENOENT/);
  }));

test("restore: while a replica of the old group answers there is no second group", () =>
  withBackup(async (place) => {
    const server = new Server();
    server.addService(OrchestratorServiceService, {
      getStatus: (_call: unknown, done: sendUnaryData<GetStatusResponse>) => {
        const status = { datacenter: "dc1", groupId: "atoll/dc1", id: 2 };
        done(null, { ...GetStatusResponse.create(), ...status });
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    try {
      await rm(place.backup);
      const addresses = { 1: "127.0.0.1:1", 2: `127.0.0.1:${port}`, 3: "127.0.0.1:3" };
      await writeBackup(place.backup, place.state, { addresses });
      const { exitStatus, err } = await restore(place);
      assert.equal(exitStatus, 1);
      assert.match(err, /replica 2 of group atoll\/dc1 still answers/);
    } finally {
      server.forceShutdown();
    }
  }));

test("verify: a folder that was restored is whole, and one with a lost log is not", () =>
  withBackup(async (place) => {
    assert.equal((await restore(place)).exitStatus, 0);
    const [whole, broken] = [join(place.folder, "r1"), join(place.folder, "r2")];
    await rm(join(broken, "raft", "durable-marker"));
    const { exitStatus, out, err } = await runCommand(["group", "verify", whole, broken], {
      gateway: "127.0.0.1:1",
    });
    assert.equal(exitStatus, 1);
    assert.match(out, /r1: log of replica 1 of atoll\/dc1\/[0-9a-f]{8} to #1000000121: whole/);
    assert.match(err, /r2: .*marker/);
  }));
