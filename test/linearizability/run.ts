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
import { RegisterConnection } from "./connection.ts";
import type { Fault } from "./nemesis.ts";
import { Nemesis } from "./nemesis.ts";
import type { Answer } from "./wire.ts";

const CLIENTS = 5;
const SETTLE_MS = 20_000;

export interface RunResult {
  /** What was wrong; empty when everything held. */
  readonly problems: readonly string[];
  readonly operations: number;
  readonly counts: RegisterClients["counts"];
  readonly faults: Readonly<Record<Fault, number>>;
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
  return { problems, operations: history.length, counts, faults: nemesis.counts, historyFile };
}

/** After healing all replicas must serve, and come to the same state. Ends the clients. */
async function settle(
  cluster: RegisterCluster,
  clients: RegisterClients,
  problems: string[],
): Promise<void> {
  try {
    await cluster.healthy();
    if (!(await clients.readAll(SETTLE_MS))) {
      problems.push(`not every replica served reads within ${SETTLE_MS} ms of healing`);
    }
    await clients.stop();
    await until("all replicas hold one state", () => sameState(cluster), SETTLE_MS);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
}

async function sameState(cluster: RegisterCluster): Promise<true | undefined> {
  const states = await Promise.all(IDS.map((id) => stateOf(cluster, id)));
  const [first] = states;
  if (first?.type !== "state") return undefined;
  return states.every((state) => state?.type === "state" && state.digest === first.digest)
    ? true
    : undefined;
}

async function stateOf(cluster: RegisterCluster, id: number): Promise<Answer | undefined> {
  const port = cluster.clientPort(id);
  if (port === undefined) return undefined;
  const connection = new RegisterConnection(port);
  const answer = await connection.ask({ kind: "state" }, 1_000);
  connection.destroy();
  return answer;
}
