/** One segment: what is appended comes back, whatever its sizes; what is lost between is missed. */
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "./segment-frame.ts";
import { SegmentFile } from "./segment-file.ts";
import { randomBytes, seedOf, temporaryFolder } from "./testing/harness.ts";

const SECTOR_BYTES = 512;

async function recordsOf(segment: SegmentFile, from = 0): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  for await (const page of segment.pages(from, 5, 100_000)) {
    for (const [sequence, record] of page) found.set(sequence, Uint8Array.from(record));
  }
  return found;
}

async function sequencesOf(path: string): Promise<number[]> {
  const segment = await SegmentFile.open(path, 1, "r");
  const found = await recordsOf(segment);
  await segment.close();
  return [...found.keys()];
}

test("append() and read() agree with a map over any sizes, cuts and lives", async (context) => {
  const seed = seedOf(context);
  const prng = new Prng(seed);
  const path = join(await temporaryFolder(context), "segment-00000001.log");
  const model = new Map<number, Uint8Array>();
  let segment = await SegmentFile.create(path, 1);
  let next = 1;
  for (let turn = 0; turn < 300; turn += 1) {
    // Small ones fit in the zeros ahead; large ones overtake them and find none.
    const size = prng.chance(1, 20) ? prng.between(200_000, 900_000) : prng.below(3_000);
    const record = randomBytes(prng, Math.min(size, 200)).slice();
    const whole = Buffer.alloc(size);
    for (let at = 0; at < size; at += 200) whole.set(record.subarray(0, size - at), at);
    await segment.append(next, whole);
    model.set(next, Uint8Array.from(whole));
    next += 1;
    if (prng.chance(1, 30)) {
      const from = prng.between(Math.max(1, next - 4), next);
      await segment.cut(from);
      for (const sequence of [...model.keys()]) if (sequence >= from) model.delete(sequence);
      next = from;
    }
    if (prng.chance(1, 30)) {
      await segment.close();
      segment = await SegmentFile.open(path, 1, "rw");
    }
    const any = prng.between(1, next);
    const found = await segment.read(any);
    assert.deepEqual(found && Uint8Array.from(found), model.get(any), `seed ${seed}`);
  }
  assert.deepEqual(await recordsOf(segment), model, `seed ${seed}`);
  const half = next >> 1;
  const later = [...model].filter(([sequence]) => sequence >= half);
  assert.deepEqual(await recordsOf(segment, half), new Map(later));
  await segment.close();
});

test("zeros are written ahead, and nothing but speed depends on them", async (context) => {
  const path = join(await temporaryFolder(context), "segment-00000001.log");
  const segment = await SegmentFile.create(path, 1);
  await segment.append(1, Buffer.alloc(100, 1));
  await segment.close();
  const { size } = await stat(path);
  assert.ok(size > 100_000, `${size} bytes`);
  const end = SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + 104;
  const bytes = await readFile(path);
  assert.ok(bytes.subarray(end).every((byte) => byte === 0));
  await writeFile(path, bytes.subarray(0, end));
  const again = await SegmentFile.open(path, 1, "rw");
  await again.append(2, Buffer.alloc(100, 2));
  await again.close();
  assert.deepEqual(await sequencesOf(path), [1, 2]);
});

test("a record that overtakes zeros being written is not overwritten by them", async (context) => {
  const folder = await temporaryFolder(context);
  for (let round = 0; round < 40; round += 1) {
    const path = join(folder, `${round}.log`);
    const segment = await SegmentFile.create(path, 1);
    await segment.append(1, Buffer.alloc(100, 1));
    const large = Buffer.alloc(300_000 + 4_096 * round, 2);
    await segment.append(2, large);
    await segment.close();
    const again = await SegmentFile.open(path, 1, "r");
    assert.equal(Buffer.compare((await again.read(2)) as Uint8Array, large), 0, `round ${round}`);
    await again.close();
  }
});

test("a loss of power in a write leaves the records before it, whatever else", async (context) => {
  const seed = seedOf(context);
  const prng = new Prng(seed);
  const path = join(await temporaryFolder(context), "segment-00000001.log");
  const model = new Map<number, Uint8Array>();
  const seen = { whole: 0, torn: 0, unseen: 0 };
  await (await SegmentFile.create(path, 1)).close();
  let next = 1;
  for (let life = 0; life < 120; life += 1) {
    const segment = await SegmentFile.open(path, 1, "rw");
    for (let count = prng.below(4); count > 0; count -= 1) {
      const record = randomBytes(prng, prng.below(3_000));
      await segment.append(next, record);
      model.set(next, record);
      next += 1;
    }
    const before = await readFile(path);
    const size = prng.chance(1, 20) ? 300_000 : prng.below(12_000);
    const last = Buffer.alloc(size, prng.between(1, 255));
    await segment.append(next, last);
    await segment.close();
    await writeFile(path, halfWritten(prng, before, await readFile(path)));

    const again = await SegmentFile.open(path, 1, "rw");
    const found = await recordsOf(again);
    const extra = found.get(next);
    found.delete(next);
    assert.deepEqual(found, model, `life ${life} of seed ${seed}`);
    if (extra === undefined) seen.unseen += 1;
    else if (Buffer.compare(extra, last) === 0) {
      seen.whole += 1;
      model.set(next, extra);
      next += 1;
    } else {
      seen.torn += 1;
      await again.cut(next);
    }
    await again.close();
  }
  context.diagnostic(JSON.stringify(seen));
  assert.ok(seen.torn > 10 && seen.unseen > 10, JSON.stringify(seen));
});

/** Of what `after` has beyond `before`, each sector is there or not, or all from a place on. */
function halfWritten(prng: Prng, before: Buffer, after: Buffer): Buffer {
  const mixed = Buffer.from(after);
  for (let at = 0; at < mixed.length; at += SECTOR_BYTES) {
    if (prng.chance(1, 2)) continue;
    const end = Math.min(at + SECTOR_BYTES, mixed.length);
    mixed.fill(0, at, end);
    if (at < before.length) before.copy(mixed, at, at, Math.min(end, before.length));
  }
  const cut = prng.chance(1, 3) ? prng.below(mixed.length) : mixed.length;
  return mixed.subarray(0, Math.max(cut, before.length));
}

test("every write is synced: both descriptors have O_DSYNC, made or found", async (context) => {
  const path = join(await temporaryFolder(context), "segment-00000001.log");
  const made = await SegmentFile.create(path, 1);
  assert.deepEqual(await syncedWrites(path), [true, true]);
  await made.close();
  const found = await SegmentFile.open(path, 1, "rw");
  assert.deepEqual(await syncedWrites(path), [true, true]);
  await found.close();
});

/** Of each descriptor by which this process has the file open, as Linux tells it. */
async function syncedWrites(path: string): Promise<boolean[]> {
  const synced: boolean[] = [];
  for (const descriptor of await readdir("/proc/self/fd")) {
    const target = await readlink(`/proc/self/fd/${descriptor}`).catch(() => "");
    if (target !== path) continue;
    const info = await readFile(`/proc/self/fdinfo/${descriptor}`, "utf8");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "0", 8);
    synced.push((flags & constants.O_DSYNC) !== 0);
  }
  return synced;
}

test("a frame that is lost between others is seen to be missing", async (context) => {
  const path = join(await temporaryFolder(context), "segment-00000001.log");
  const segment = await SegmentFile.create(path, 1);
  const places: number[] = [];
  // Two of them reach across what a scan reads at a time.
  for (const [at, size] of [400, 1_100_000, 30, 900_000, 1_048_500, 7].entries()) {
    places.push(segment.bytes);
    await segment.append(at + 1, Buffer.alloc(size, 0x41));
  }
  await segment.close();
  const whole = await readFile(path);
  assert.deepEqual(await sequencesOf(path), [1, 2, 3, 4, 5, 6]);
  for (const [lost, place] of places.entries()) {
    for (const byte of [0, 4, 7, 8, 15, 16]) {
      const bytes = Buffer.from(whole);
      bytes[place + byte] = (bytes[place + byte] as number) ^ 0x20;
      await writeFile(path, bytes);
      const others = [1, 2, 3, 4, 5, 6].filter((sequence) => sequence !== lost + 1);
      assert.deepEqual(await sequencesOf(path), others, `frame ${lost + 1}, byte ${byte}`);
    }
  }
});

test("bytes of a record never pass for a frame of another segment", async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, "segment-00000001.log");
  const other = await SegmentFile.create(join(folder, "other.log"), 1);
  await other.append(7, Buffer.alloc(40, 7));
  await other.close();
  const foreign = await readFile(join(folder, "other.log"));
  const segment = await SegmentFile.create(path, 1);
  await segment.append(1, Buffer.alloc(64));
  const place = segment.bytes;
  await segment.append(2, foreign.subarray(0, 400));
  await segment.close();
  const bytes = await readFile(path);
  // The frame of the second is torn, and what it carried looks like frames.
  bytes.fill(0, place, place + FRAME_HEADER_BYTES);
  await writeFile(path, bytes);
  assert.deepEqual(await sequencesOf(path), [1]);
});
