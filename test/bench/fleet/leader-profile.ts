/**
 * Profiles the busiest orchestrator while it runs, and gives the profile.
 *
 * Opens its inspector by SIGUSR1: nothing about its start differs from other runs.
 */
import type { Lab } from "@atoll/lab";
import { setTimeout as pause } from "node:timers/promises";
import type { CpuProfile } from "../flame-graph.ts";
import { cpuSeconds } from "../process-use.ts";

const INSPECTOR = "http://127.0.0.1:9229/json/list";
const ATTEMPTS = 50;
const LOOK_MS = 1_000;

export async function profileBusiest(lab: Lab, seconds: number): Promise<CpuProfile> {
  process.kill(await busiest(lab), "SIGUSR1");
  const socket = new WebSocket(await inspectorUrl());
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const call = (id: number, method: string, params = {}): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      const listen = (event: MessageEvent): void => {
        const answer = JSON.parse(String(event.data)) as { id?: number; result?: object };
        if (answer.id !== id) return;
        socket.removeEventListener("message", listen);
        resolve((answer.result ?? {}) as Record<string, unknown>);
      };
      socket.addEventListener("message", listen);
      socket.send(JSON.stringify({ id, method, params }));
    });
  await call(1, "Profiler.enable");
  await call(2, "Profiler.start");
  await pause(seconds * 1_000);
  const { profile } = await call(3, "Profiler.stop");
  socket.close();
  return profile as unknown as CpuProfile;
}

/** The leader has most to do. */
async function busiest(lab: Lab): Promise<number> {
  const pids = lab.processes
    .filter(({ spec }) => spec.kind === "orchestrator")
    .flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  const before = pids.map((pid) => cpuSeconds([pid]));
  await pause(LOOK_MS);
  const used = pids.map((pid, at) => cpuSeconds([pid]) - (before[at] ?? 0));
  return pids[used.indexOf(Math.max(...used))] ?? 0;
}

async function inspectorUrl(): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      const answer = (await (await fetch(INSPECTOR)).json()) as { webSocketDebuggerUrl: string }[];
      const [first] = answer;
      if (first !== undefined) return first.webSocketDebuggerUrl;
    } catch {
      // Not open yet.
    }
    await pause(LOOK_MS / 10);
  }
  throw new Error("the orchestrator's inspector does not open");
}
