/** What a replica that ends says to a human; the last test asks a real process. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogDamagedError, StorageFailedError } from "@atoll/raft-level";
import { LogLostError } from "@atoll/raft-replica";
import { OperationalError } from "@atoll/service-kit";
import { explainEnd } from "./explain-end.ts";

const END_MS_MAX = 30_000;

/** As the store reports what the system said. */
function diskFailure(code: string): StorageFailedError {
  const cause = Object.assign(new Error(`${code}: the disk, write`), { code });
  return new StorageFailedError(`the disk failed a write or read: ${cause.message}`, { cause });
}

function messageOf(error: unknown): string {
  const explained = explainEnd(error, "/srv/atoll");
  assert.ok(explained instanceof OperationalError);
  assert.equal(explained.cause, error, "nothing of it is lost");
  return explained.message;
}

for (const [code, step] of [
  ["ENOSPC", /make room on that disk, then start the replica again/],
  ["EDQUOT", /raise the quota/],
  ["EROFS", /find in the kernel's log why the disk is read-only/],
  ["EACCES", /give the replica's user the folder/],
  ["EIO", /look for errors of that disk in the kernel's log/],
] as const) {
  test(`a disk that fails with ${code} names the folder, the cause and the next step`, () => {
    const message = messageOf(diskFailure(code));
    assert.match(message, /the log in \/srv\/atoll\/raft can not be used/);
    assert.match(message, new RegExp(`failed a write or read: ${code}: the disk, write`));
    assert.match(message, step);
    assert.match(message, /it takes what it missed from the others/);
  });
}

test("an error while everything is closed does not hide the disk's", () => {
  const closing = new SuppressedError(new Error("cannot close"), diskFailure("ENOSPC"));
  assert.match(messageOf(closing), /make room on that disk/);
  const noting = new AggregateError([new LogLostError("an entry"), new Error("and not noted")]);
  assert.match(messageOf(noting), /start the replica again: it repairs this log from the others/);
});

test("a log that lies says that it is rebuilt; any other error is left alone", () => {
  const message = messageOf(new LogDamagedError("record 17", "its checksum is wrong"));
  assert.match(
    message,
    /\/srv\/atoll\/raft is not to be trusted: .*record 17.*repairs this log .*, or puts it/,
  );
  const other = new Error("a bug");
  assert.equal(explainEnd(other, "/srv/atoll"), other);
  assert.equal(explainEnd("text", "/srv/atoll"), "text");
});

test("a replica that can not use its folder ends with that line and status 1", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "atoll-end-"));
  try {
    writeFileSync(join(dataDir, "raft"), "no folder");
    const main = join(import.meta.dirname, "main.ts");
    const { status, stderr } = spawnSync(process.execPath, ["--conditions=atoll-source", main], {
      encoding: "utf8",
      timeout: END_MS_MAX,
      env: {
        ATOLL_DATACENTER: "dc1",
        ATOLL_REPLICA_ID: "1",
        ATOLL_REPLICAS: "1=127.0.0.1:1",
        ATOLL_DATA_DIR: dataDir,
        ATOLL_NATS_URL: "nats://127.0.0.1:1",
        ATOLL_TRANSPORT: "insecure-for-lab",
      },
    });
    assert.equal(status, 1);
    const last = JSON.parse(stderr.trim().split("\n").at(-1) as string);
    assert.equal(last.level, "fatal");
    assert.equal(last.error.code, "STORAGE_FAILED");
    assert.ok(last.error.message.includes(`the log in ${join(dataDir, "raft")} can not be used: `));
    assert.match(last.error.message, /ENOTDIR|EEXIST/);
    assert.match(last.error.message, /Next: look for errors of that disk/);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
