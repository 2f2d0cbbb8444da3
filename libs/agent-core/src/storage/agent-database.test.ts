/**
 * The agent's database: group commit, a disk that fails and comes back, one folder for one agent.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MemoryDisk } from "./memory-disk.ts";
import { until } from "../testing/until.ts";
import { AgentDatabase } from "./agent-database.ts";
import { openLevelStore } from "./level-store.ts";

function put(key: string): { type: "put"; key: string; value: Uint8Array } {
  return { type: "put", key, value: Buffer.from(key) };
}

test("write() gathers what waits into one batch, in order", async () => {
  const disk = new MemoryDisk();
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const done: number[] = [];
  const writes = Array.from({ length: 100 }, (_, at) =>
    database.write([put("last"), put(`k${at}`)]).then(() => done.push(at)),
  );
  await Promise.all(writes);
  assert.deepEqual(
    done,
    [...done].toSorted((left, right) => left - right),
  );
  assert.equal(disk.writes, 2);
});

test("a failed write is neither reported nor dropped, written once the disk works", async () => {
  for (const storesWhenFailing of [false, true]) {
    const disk = new MemoryDisk();
    const failures: (string | undefined)[] = [];
    await using database = await AgentDatabase.open({
      open: () => disk.open(),
      onFailure: (failure) => failures.push(failure),
    });
    disk.failure = new Error("ENOSPC: no space left on device");
    disk.storesWhenFailing = storesWhenFailing;
    let stored = false;
    const write = database.write([put("a")]).then(() => {
      stored = true;
    });
    await until(() => database.failure !== undefined, "the failure shows");
    const next = database.write([put("b")]);
    assert.equal(stored, false);
    assert.match(database.failure ?? "", /no space left/);
    disk.failure = undefined;
    await Promise.all([write, next]);
    assert.deepEqual([...disk.content.keys()], ["a", "b"]);
    assert.equal(database.failure, undefined);
    assert.equal(failures.at(-1), undefined);
  }
});

test("write() rejects when the database is closed before it could store", async () => {
  const disk = new MemoryDisk();
  const database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  disk.failure = new Error("EIO");
  const write = database.write([put("a")]);
  await until(() => database.failure !== undefined, "the failure shows");
  const closed = assert.rejects(write, /closed before it could store/);
  await database[Symbol.asyncDispose]();
  await closed;
  await assert.rejects(database.write([put("b")]), /is closed/);
});

test("openLevelStore() refuses a folder that another agent uses, and says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-store-"));
  const store = await openLevelStore(folder);
  await assert.rejects(openLevelStore(folder), {
    code: "FOLDER_LOCKED",
    message: `another agent is using ${folder}: one data folder serves one agent`,
  });
  await store.close();
  await rm(folder, { recursive: true });
});
