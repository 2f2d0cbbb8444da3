/**
 * One run: clients and faults on real processes, then the history through the checker.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkLinearizability, describeVerdict, formatHistory } from "@atoll/linearizability";
import { Prng } from "@atoll/stdx";
import { until } from "../support/processes.ts";
import { RegisterClients } from "./clients.ts";
import { IDS, RegisterCluster } from "./cluster.ts";
import type { Fault } from "./nemesis.ts";
import { Nemesis } from "./nemesis.ts";

const CLIENTS = 5;
const SETTLE_MS = 20_000;

export interface RunResult {
  /** What was wrong; empty when everything held. */
  readonly problems: readonly string[];
  readonly operations: number;
  readonly counts: RegisterClients["counts"];
  readonly faults: Readonly<Record<Fault, number>>;
  /** How many replicas noticed that they had lost their log, and were rebuilt from the others. */
  readonly rebuilt: number;
  /** Where the history is, when something was wrong. */
  readonly historyFile: string | undefined;
}

export interface RunOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Where the history is kept; default: a temporary file, only when something was wrong. */
  readonly historyFile?: string | undefined;
}

export async function runOnProcesses(options: RunOptions): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), "atoll-linearizability-"));
  try {
    for (const id of IDS) mkdirSync(join(folder, `replica-${id}`));
    const cluster = await RegisterCluster.start(folder);
    try {
      return await runOn(cluster, options, `${folder}.txt`);
    } finally {
      await cluster.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runOn(
  cluster: RegisterCluster,
  options: RunOptions,
  failedFile: string,
): Promise<RunResult> {
  const prng = new Prng(options.seed);
  const problems: string[] = [];
  const clients = new RegisterClients(cluster, prng.child("clients"), CLIENTS);
  const nemesis = new Nemesis(cluster, prng.child("nemesis"));
  try {
    await nemesis.run(performance.now() + options.durationMs);
    await settle(cluster, clients, problems);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    await clients.stop();
  }
  problems.push(...cluster.failures);
  const { history, counts } = clients;
  const verdict = checkLinearizability(history);
  if (verdict.type !== "linearizable") problems.push(describeVerdict(verdict));
  if (counts.ok === 0) problems.push("no write was acknowledged");
  const historyFile = options.historyFile ?? (problems.length > 0 ? failedFile : undefined);
  if (historyFile !== undefined) writeFileSync(historyFile, formatHistory(history));
  const operations = history.length;
  const { rebuilt } = cluster;
  return {
    problems: [...new Set(problems)],
    operations,
    counts,
    faults: nemesis.counts,
    rebuilt,
    historyFile,
  };
}

/**
 * After healing all replicas must be whole, serve, and come to the same state. Ends the clients.
 */
async function settle(
  cluster: RegisterCluster,
  clients: RegisterClients,
  problems: string[],
): Promise<void> {
  await cluster.healthy();
  await cluster.allWhole();
  if (!(await clients.readAll(SETTLE_MS))) {
    problems.push(`not every replica served reads within ${SETTLE_MS} ms of healing`);
  }
  await clients.stop();
  await until("all replicas hold one state", () => sameState(cluster), SETTLE_MS);
}

async function sameState(cluster: RegisterCluster): Promise<true | undefined> {
  const states = await Promise.all(IDS.map((id) => cluster.stateOf(id)));
  const digests = new Set(states.map((state) => state?.digest));
  return digests.size === 1 && !digests.has(undefined) ? true : undefined;
}
