/**
 * The life of one process of agents: told what to do by the command, ended with it.
 *
 * A process whose command is gone ends at once: no agents are left behind.
 */
import { Tally } from "../report/tally.ts";
import { Fleet } from "./fleet.ts";
import type { FromWorker, ToWorker, WorkerState } from "./messages.ts";

const STATE_EVERY_MS = 1_000;

export async function runWorker(): Promise<void> {
  const stop = new AbortController();
  const tally = new Tally();
  let mayRun = (): void => {};
  const running = new Promise<void>((resolve) => {
    mayRun = resolve;
  });
  // Ctrl-C reaches the whole group; the command decides what it means.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(1));
  const told = new Promise<Extract<ToWorker, { type: "start" }>>((resolve) => {
    process.on("message", (message: ToWorker) => {
      if (message.type === "start") resolve(message);
      if (message.type === "run") mayRun();
      if (message.type === "stop") {
        stop.abort();
        mayRun();
      }
    });
  });
  const { share } = await told;
  const fleet = new Fleet(share, { tally, signal: stop.signal });
  const timer = setInterval(() => {
    tell({ type: "state", state: stateOf(fleet, tally) });
  }, STATE_EVERY_MS);
  tell({ type: "started", settled: await fleet.start() });
  await running;
  await fleet.run();
  tell({ type: "ran" });
  const drained = await fleet.drain();
  clearInterval(timer);
  const state = stateOf(fleet, tally);
  await fleet.close();
  // All is told and closed; a connection that is still being dialled need not be waited for.
  process.send?.({ type: "ended", drained, state } satisfies FromWorker, () => process.exit(0));
}

function stateOf(fleet: Fleet, tally: Tally): WorkerState {
  const { user, system } = process.cpuUsage();
  return {
    connected: fleet.connected,
    settled: fleet.settled,
    waiting: fleet.waiting,
    openActions: fleet.openActions,
    rssBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1_000,
    tally: tally.data(),
  };
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
