/** The marker: what was advanced comes back, torn slots leave the other one. */
import assert from "node:assert/strict";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DurableMarker } from "./durable-marker.ts";
import { identityDigest } from "./identity.ts";
import { IDENTITY, temporaryFolder } from "./testing/harness.ts";

const identity = identityDigest(IDENTITY);
const none = { sequence: 0, generation: 1, hash: new Uint8Array(16) };

function fail(error: Error): void {
  throw error;
}

async function advanced(path: string, times: number): Promise<void> {
  await using marker = await DurableMarker.create(path, identity, none, fail);
  for (let sequence = 1; sequence <= times; sequence += 1) {
    marker.advance({ sequence, generation: 1, hash: new Uint8Array(16).fill(sequence) });
    if (sequence % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function readBack(path: string): Promise<number | undefined> {
  const opened = await DurableMarker.open(path, identity, fail);
  await opened?.marker[Symbol.asyncDispose]();
  return opened?.content.sequence;
}

test("DurableMarker keeps the last content, however many were under way", async (context) => {
  const path = join(await temporaryFolder(context), "marker");
  assert.equal(await readBack(path), undefined);
  await advanced(path, 100);
  assert.equal(await readBack(path), 100);
});

test("DurableMarker falls back to the other slot when one is torn", async (context) => {
  const path = join(await temporaryFolder(context), "marker");
  {
    await using marker = await DurableMarker.create(path, identity, none, fail);
    marker.advance({ ...none, sequence: 5 });
  }
  const bytes = await readFile(path);
  const seen = new Set<number | undefined>();
  for (const slot of [0, 4096]) {
    const torn = Buffer.from(bytes);
    torn.fill(0, slot + 20, slot + 40);
    await writeFile(path, torn);
    seen.add(await readBack(path));
  }
  assert.deepEqual([...seen].toSorted(), [0, 5]);
});

test("DurableMarker refuses a file without a readable slot", async (context) => {
  const path = join(await temporaryFolder(context), "marker");
  await advanced(path, 3);
  await truncate(path, 0);
  await assert.rejects(readBack(path), { code: "LOG_DAMAGED", record: "the marker" });
});
