/** Lines for a descriptor that takes little, or nothing. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { LineWriter } from "./line-writer.ts";

const WAITING_BYTES_MAX = 64 * 1024;
const LINES = 10_000;
const READER_MS_MAX = 10_000;

/** Fills what the pipe itself holds with empty lines. */
function fillPipe(fd: number): void {
  try {
    for (;;) writeSync(fd, "\n".repeat(1_024));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
}

/** A pipe that nobody reads so far. */
function makePipe(context: TestContext): { readonly path: string; readonly fd: number } {
  const folder = mkdtempSync(join(tmpdir(), "atoll-lines-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return { path, fd };
}

test("what is not read waits up to a bound; the rest is dropped and counted", async (context) => {
  const { path, fd } = makePipe(context);
  fillPipe(fd);
  let dropped = 0;
  const told = Promise.withResolvers<number>();
  const writer: LineWriter = new LineWriter({
    fd,
    waitingBytesMax: WAITING_BYTES_MAX,
    dropped: () => (dropped += 1),
    missing: (lines) => {
      writer.write(`${lines} lines are missing\n`);
      told.resolve(lines);
    },
  });
  const text = "x".repeat(90);
  for (let line = 0; line < LINES; line += 1) writer.write(`${line} ${text}\n`);
  const taken = LINES - dropped;
  assert.ok(taken * 90 < WAITING_BYTES_MAX, `${taken} lines wait`);
  const reader = createReadStream(path);
  const read: string[] = [];
  const lines = createInterface(reader);
  lines.on("line", (line) => {
    if (line !== "") read.push(line);
    if (line.endsWith("missing")) lines.close();
  });
  await once(lines, "close");
  reader.destroy();
  closeSync(fd);
  assert.deepEqual(
    read.slice(0, -1),
    Array.from({ length: taken }, (_, line) => `${line} ${text}`),
  );
  assert.equal(await told.promise, dropped);
  assert.equal(read.at(-1), `${dropped} lines are missing`);
});

test("end() writes what a pipe takes in parts, and all behind it", async (context) => {
  const { path, fd } = makePipe(context);
  const copy = `${path}-read`;
  const target = openSync(copy, "w+");
  const reader = spawn("cat", [path], { stdio: ["ignore", target, "inherit"] });
  const writer = new LineWriter({
    fd,
    waitingBytesMax: 1024 * 1024,
    dropped: () => assert.fail("there is room"),
    missing: () => assert.fail("nothing is missing"),
  });
  writeSync(fd, "first\n");
  const deadlineMs = performance.now() + READER_MS_MAX;
  while (fstatSync(target).size === 0) {
    assert.ok(performance.now() < deadlineMs, "the reader starts in time");
    await setImmediate();
  }
  const long = "x".repeat(300_000);
  writer.write(`${long}\n`);
  writer.write("second\n");
  writer.end();
  closeSync(fd);
  await once(reader, "close");
  closeSync(target);
  assert.equal(readFileSync(copy, "utf8"), `first\n${long}\nsecond\n`);
});

test("what the descriptor refuses is dropped, and nothing is thrown", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-lines-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const fd = openSync(join(folder, "file"), constants.O_RDONLY | constants.O_CREAT);
  const all = Promise.withResolvers<void>();
  let dropped = 0;
  const writer = new LineWriter({
    fd,
    waitingBytesMax: WAITING_BYTES_MAX,
    dropped: () => {
      dropped += 1;
      if (dropped === 3) all.resolve();
    },
    missing: () => assert.fail("nothing was ever written"),
  });
  for (const line of ["one\n", "two\n", "three\n"]) writer.write(line);
  await all.promise;
  writer.write("four\n");
  writer.end();
  closeSync(fd);
});
