/**
 * The load: many agents in a process of their own, so that their work is not the measuring
 * process's.
 *
 * Told what to do by its arguments, tells results as JSON lines on stdout, ends by itself. Modes:
 * `events` sends facts at a rate for a time; `idle` only is there until its input ends; `actions`
 * lets services crash one after another and waits for each order.
 */
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Order, ServiceKey } from "@atoll/domain";
import { BenchAgent } from "./bench-agent.ts";
import { Histogram } from "@atoll/stdx";

const { values } = parseArgs({
  options: {
    mode: { type: "string" },
    nats: { type: "string" },
    datacenter: { type: "string" },
    agents: { type: "string", default: "1000" },
    rate: { type: "string", default: "20000" },
    seconds: { type: "string", default: "20" },
    "warm-up-seconds": { type: "string", default: "20" },
    prefix: { type: "string", default: "b" },
  },
});
const agentCount = Number(values.agents);
const TURN_MS = 10;
const START_DEADLINE_MS = 60_000;

let histogram = new Histogram();
interface StartedService {
  readonly key: ServiceKey;
  readonly digest: string;
}

const started = new Map<string, StartedService>();
const orderWaiters = new Map<string, (atMs: number) => void>();

function makeAgent(at: number): BenchAgent {
  const node = `${values.prefix}${at}`;
  return new BenchAgent({
    datacenter: values.datacenter ?? "",
    natsUrl: values.nats ?? "",
    node,
    labels: values.mode === "idle" ? {} : { bench: "load" },
    committed: (latencyMs) => histogram.record(latencyMs),
    ordered: (order, atMs) => ordered(node, order, atMs),
  });
}

function ordered(node: string, order: Order, atMs: number): void {
  if (order.type !== "startService" && order.type !== "restartService") return;
  started.set(node, { key: order.service.key, digest: order.service.digest });
  orderWaiters.get(node)?.(atMs);
  orderWaiters.delete(node);
}

/** What was ordered to run on the agent. */
function startedOn(at: number): StartedService {
  return started.get(`${values.prefix}${at}`) as StartedService;
}

/** Every agent runs what its role wants, and the log knows. */
async function settled(agents: readonly BenchAgent[]): Promise<void> {
  await until(() => started.size === agents.length, START_DEADLINE_MS, "every agent has its order");
  await until(
    () => agents.every(({ waiting }) => waiting === 0),
    START_DEADLINE_MS,
    "outboxes empty",
  );
}

/** Waits until `done`, for a bounded time. */
async function until(done: () => boolean, deadlineMs: number, what: string): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!done()) {
    if (performance.now() > endMs) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    await pause(TURN_MS);
  }
}

/** Facts at the given rate, open loop: what is late stays late. */
async function generate(agents: readonly BenchAgent[], seconds: number): Promise<number> {
  const rate = Number(values.rate);
  const beginMs = performance.now();
  let made = 0;
  for (;;) {
    const elapsedMs = performance.now() - beginMs;
    if (elapsedMs >= seconds * 1_000) return made;
    const due = Math.floor((elapsedMs / 1_000) * rate);
    for (; made < due; made += 1) {
      const at = made % agents.length;
      agents[at]?.change(startedOn(at));
    }
    await pause(TURN_MS);
  }
}

async function events(agents: readonly BenchAgent[]): Promise<void> {
  await settled(agents);
  await generate(agents, Number(values["warm-up-seconds"]));
  tell({ type: "measuring" });
  histogram = new Histogram();
  const seconds = Number(values.seconds);
  const beginMs = performance.now();
  const made = await generate(agents, seconds);
  const committedInTime = histogram.count;
  await until(
    () => agents.every(({ waiting }) => waiting === 0),
    START_DEADLINE_MS,
    "outboxes empty",
  );
  tell({
    type: "events",
    agents: agentCount,
    made,
    committed: histogram.count,
    perSecond: committedInTime / seconds,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    maxMs: histogram.maxMs,
    drainedAfterMs: performance.now() - beginMs - seconds * 1_000,
  });
}

async function actions(agents: readonly BenchAgent[]): Promise<void> {
  await settled(agents);
  await pause(1_000);
  const latencies = new Histogram();
  for (let at = 0; at < agents.length; at += 1) {
    const node = `${values.prefix}${at}`;
    const { key, digest } = startedOn(at);
    const arrived = new Promise<number>((resolve) => orderWaiters.set(node, resolve));
    const fromMs = performance.now();
    agents[at]?.observe(key, "crashed", digest, "bench");
    latencies.record((await arrived) - fromMs);
    await pause(5);
  }
  tell({
    type: "actions",
    count: latencies.count,
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    maxMs: latencies.maxMs,
  });
}

function tell(result: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

const agents = Array.from({ length: agentCount }, (_, at) => makeAgent(at));
await until(
  () => agents.every(({ waiting }) => waiting === 0),
  START_DEADLINE_MS,
  "every agent is known",
);
tell({ type: "ready" });
if (values.mode === "actions") await actions(agents);
else if (values.mode === "idle") await once(process.stdin.resume(), "end");
else await events(agents);
await Promise.all(agents.map((agent) => agent.close()));
