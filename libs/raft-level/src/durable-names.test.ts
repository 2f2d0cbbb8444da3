/** The folder of a log is durable with its name, whoever made it and however deep it lies. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { LevelLogStore } from "./level-log-store.ts";
import { FOUNDING, IDENTITY, temporaryFolder } from "./testing/harness.ts";
import { recordDisk } from "./testing/recorded-disk.ts";

/** The folders that are synced while a log is opened at `path`. */
async function syncedAt(
  context: TestContext,
  path: string,
  before: (folder: string) => Promise<unknown>,
): Promise<Set<string>> {
  const root = await temporaryFolder(context);
  const folder = join(root, path);
  await before(folder);
  const synced = new Set<string>();
  const restore = recordDisk(root, (change) => {
    if (change.type === "sync") synced.add(change.path);
  });
  try {
    const { store } = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
    await store[Symbol.asyncDispose]();
  } finally {
    restore();
  }
  return synced;
}

test("open() makes every folder above that it makes durable", async (context) => {
  const synced = await syncedAt(context, "a/b/raft", () => Promise.resolve());
  assert.deepEqual(
    ["", "a", "a/b"].filter((path) => !synced.has(path)),
    [],
  );
});

test("open() makes a folder durable that an earlier life has made", async (context) => {
  const synced = await syncedAt(context, "raft", (folder) => mkdir(folder));
  assert.ok(synced.has(""));
});
