/**
 * A process whose stderr nobody reads: it serves on, keeps its memory bounded, and ends when told.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

/** Far above what an answer takes on a busy machine, far below what a stuck one would. */
const ANSWER_MS_MAX = 5_000;
const END_MS_MAX = 8_000;

/** Logs a megabyte at a time, far beyond what waits, and says in its health what was dropped. */
const NOISY = `
  import { aborted, createLog, runService, startAdminServer } from "@atoll/service-kit/process";
  await runService(async (signal) => {
    let dropped = 0;
    const log = createLog({ service: "noisy", level: "info", dropped: () => void (dropped += 1) });
    const health = () => ({ status: "ok", checks: { log: { ok: true, detail: String(dropped) } } });
    const options = { host: "127.0.0.1", port: 0, metrics: { text: async () => "" }, health, log };
    await using server = await startAdminServer(options);
    const timer = setInterval(() => {
      for (let line = 0; line < 1_000; line += 1) log.info("x".repeat(1_000));
    }, 10);
    process.once("SIGUSR2", () => { throw new Error("it broke"); });
    console.log(server.port);
    await aborted(signal);
    clearInterval(timer);
  });
`;

/** A pipe, or a socket as a Node parent gives; nobody reads either. */
function startNoisy(context: TestContext, stderr: "pipe" | "socket"): ChildProcess {
  const folder = mkdtempSync(join(tmpdir(), "atoll-unread-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "stderr");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const fd = openSync(path, constants.O_RDWR);
  const args = ["--conditions=atoll-source", "--input-type=module", "--eval", NOISY];
  const child = spawn(process.execPath, args, {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", stderr === "pipe" ? fd : "pipe"],
  });
  context.after(() => {
    child.kill("SIGKILL");
    closeSync(fd);
  });
  return child;
}

async function droppedLines(port: string): Promise<number> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal });
  const { checks } = (await answer.json()) as { checks: { log: { detail: string } } };
  return Number(checks.log.detail);
}

for (const [stderr, signal, code] of [
  ["pipe", "SIGTERM", 0],
  ["pipe", "SIGUSR2", 1],
  ["socket", "SIGTERM", 0],
] as const) {
  test(`a ${stderr} that nobody reads stops no service and no end: ${signal}`, async (context) => {
    const child = startNoisy(context, stderr);
    const port = await new Promise<string>((resolve) => {
      child.stdout?.once("data", (text) => resolve(String(text).trim()));
    });
    while ((await droppedLines(port)) === 0);
    const ended = new Promise<unknown>((resolve) => {
      child.once("exit", (status, by) => resolve(status ?? by));
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
    child.kill(signal);
    assert.equal(await ended, code);
    clearTimeout(timer);
  });
}
