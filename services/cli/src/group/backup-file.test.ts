/** Backups as files: what was written is read, and damage anywhere is found. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BackupWriter, readBackupHeader, scanBackup, type BackupHeader } from "./backup-file.ts";

const HEADER: BackupHeader = {
  datacenter: "dc1",
  groupId: "atoll/dc1",
  index: 41,
  term: 3,
  voters: [1, 2, 3],
  learners: [],
  addresses: { 1: "127.0.0.1:7501" },
  createdAtMs: 1_700_000_000_000,
  version: "0.1.0",
};

async function withBackup(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-backup-"));
  try {
    const path = join(folder, "one.atollbackup");
    await using writer = await BackupWriter.create(path, HEADER);
    await writer.piece(Buffer.from("first piece"));
    await writer.piece(Buffer.alloc(3_000, 7));
    const scan = await writer.finish();
    assert.deepEqual(scan.problems, []);
    await body(path, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("scanBackup() gives back what was written", () =>
  withBackup(async (path, folder) => {
    const pieces: Uint8Array[] = [];
    const scan = await scanBackup(path, (piece) => pieces.push(piece));
    assert.deepEqual(scan.header, HEADER);
    assert.equal(scan.sizeBytes, 3_011);
    assert.equal(Buffer.concat(pieces).subarray(0, 11).toString(), "first piece");
    assert.deepEqual(await readBackupHeader(path), HEADER);
    assert.deepEqual(await readdir(folder), ["one.atollbackup"]);
  }));

test("scanBackup() finds every flipped bit and every truncation", () =>
  withBackup(async (path) => {
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += at < 400 ? 1 : 97) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      await writeFile(path, damaged);
      assert.ok((await scanBackup(path)).problems.length > 0, `byte ${at} flipped`);
      await writeFile(path, whole.subarray(0, at));
      assert.ok((await scanBackup(path)).problems.length > 0, `cut at ${at}`);
    }
    await writeFile(path, Buffer.concat([whole, Buffer.from("x")]));
    assert.deepEqual((await scanBackup(path)).problems, ["something follows its end"]);
  }));

test("scanBackup() names each damaged piece, not only the first", () =>
  withBackup(async (path) => {
    const bytes = await readFile(path);
    for (const text of ["first piece", Buffer.alloc(3_000, 7)]) {
      const at = bytes.indexOf(text);
      bytes[at + 2] = 0;
    }
    await writeFile(path, bytes);
    const { problems } = await scanBackup(path);
    assert.equal(problems.length, 3);
    assert.match(problems[0] ?? "", /^piece 0 .*checksum/);
    assert.match(problems[1] ?? "", /^piece 1 .*checksum/);
    assert.match(problems[2] ?? "", /hash of the state/);
  }));

test("BackupWriter leaves nothing behind when it does not finish", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-backup-"));
  try {
    {
      await using writer = await BackupWriter.create(join(folder, "b"), HEADER);
      await writer.piece(Buffer.from("part"));
    }
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true });
  }
});
