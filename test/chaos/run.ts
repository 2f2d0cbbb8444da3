/**
 * One run of chaos: trouble for as long as wished, then healing, then the account of everything.
 *
 * The account compares four things that were kept apart: what agents recorded, what the log holds,
 * what users were told, and what services wrote down when they began.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromProtoEvent } from "@atoll/codec";
import type { NatsServers } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { Prng } from "@atoll/stdx";
import { History } from "../story/history.ts";
import { timeUntil } from "../story/measure.ts";
import { checkActions } from "./check-actions.ts";
import { checkIdentity } from "./check-identity.ts";
import { checkFacts, type LoggedEvent } from "./check-facts.ts";
import { Faults } from "./faults.ts";
import { Field, startsOf } from "./field.ts";
import { readRecord } from "./record.ts";
import { Writes } from "./writes.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly agents: number;
  /** Servers of the bus. */
  readonly nats: NatsServers;
  readonly report: (line: string) => void;
}

export interface ChaosResult {
  readonly problems: readonly string[];
  readonly facts: number;
  readonly wiped: number;
  readonly events: number;
  readonly actions: number;
  readonly starts: number;
  readonly writes: number;
  readonly faults: number;
  readonly healedMs: number;
}

const HEALED_MS_MAX = 120_000;

/** @throws when the field does not come back; its folder is left for people to look at then. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, durationMs, agents, nats, report } = options;
  const stateDir = await mkdtemp(join(tmpdir(), "atoll-chaos-"));
  report(`seed ${seed}: ${Math.round(durationMs / 1_000)} s, ${agents} agents, in ${stateDir}`);
  const prng = new Prng(seed);
  let result: ChaosResult;
  {
    await using field = await Field.start(stateDir, { agents, nats });
    await settled(field);
    result = await troubleAndAccount(field, prng, { durationMs, report });
  }
  if (result.problems.length === 0) await rm(stateDir, { recursive: true, force: true });
  return result;
}

async function troubleAndAccount(
  field: Field,
  prng: Prng,
  { durationMs, report }: Pick<ChaosOptions, "durationMs" | "report">,
): Promise<ChaosResult> {
  const history = new History(field.api);
  const following = history.follow();
  const writes = new Writes(field.api, field.agents, `w${prng.seed}`);
  try {
    const faults = await makeTrouble(field, prng, { durationMs, report });
    await field.heal();
    await writes.stop();
    const healedMs = await settled(field);
    report(`healed after ${Math.round(healedMs)} ms`);
    return { ...(await account(field, history, writes)), faults: countOf(faults), healedMs };
  } finally {
    history.stop();
    await Promise.all([following, writes.stop()]);
  }
}

async function makeTrouble(
  field: Field,
  prng: Prng,
  { durationMs, report }: { readonly durationMs: number; readonly report: (line: string) => void },
): Promise<Faults> {
  const beganMs = performance.now();
  const goesOn = (): boolean => performance.now() < beganMs + durationMs;
  const faults = new Faults(field, prng.child("faults"));
  const wear = new Faults(field, prng.child("wear"));
  const wearing = (async (): Promise<void> => {
    while (goesOn()) await wear.wear();
  })();
  const rests = prng.child("rests");
  let last: Promise<void> = Promise.resolve();
  while (goesOn()) {
    const strike = faults.strike((fault) => {
      report(`${((performance.now() - beganMs) / 1_000).toFixed(1).padStart(6)} s  ${fault}`);
    });
    // One time in three the next begins before this one is over.
    if (!rests.chance(1, 3)) await Promise.all([last, strike]);
    last = strike;
    await pauseFor(rests.between(200, 4_000));
  }
  await last;
  await wearing;
  return faults;
}

/** Until every node is ready and every outbox is empty. Returns how long that took. */
async function settled(field: Field): Promise<number> {
  const { tookMs } = await timeUntil("all nodes are ready", HEALED_MS_MAX, async () => {
    const nodes = await field.api.nodes();
    const ready = nodes.filter(({ state }) => state === NodeState.NODE_STATE_READY);
    if (ready.length !== field.agents.length) return false;
    const waiting = await Promise.all(field.agents.map((agent) => outboxFacts(field, agent)));
    return waiting.every((count) => count === 0);
  });
  return tookMs;
}

async function outboxFacts(field: Field, agent: string): Promise<number> {
  const port = field.lab.process(agent).spec.ports["admin"];
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const found = /^atoll_agent_outbox_facts(?:\{.*\})? (\d+)$/m.exec(await answer.text());
  return found === null ? NaN : Number(found[1]);
}

async function account(
  field: Field,
  history: History,
  writes: Writes,
): Promise<Omit<ChaosResult, "faults" | "healedMs">> {
  const events = await field.api.events();
  const log = events.map(({ index, actor, payload }): LoggedEvent => {
    if (payload === undefined) throw new Error(`event ${index} says nothing`);
    return { index, actor, event: fromProtoEvent(payload) };
  });
  const problems = [
    ...(await history.problems()),
    ...writes.problems(log),
    ...checkIdentity(field.episodes, log),
  ];
  const sums = { facts: 0, wiped: 0, events: 0, actions: 0, starts: 0 };
  for (const agent of field.agents) {
    const record = readRecord(field.recordFile(agent));
    const twins = field.twinsOf(agent).map(({ recordFile }) => readRecord(recordFile));
    const facts = checkFacts(agent, { record, twins }, log);
    const actions = checkActions(agent, { record, twins, starts: startsOf(field, agent) }, log);
    problems.push(...facts.problems, ...actions.problems);
    sums.facts += facts.stored;
    sums.wiped += facts.wiped;
    sums.events += facts.events;
    sums.actions += actions.taken;
    sums.starts += actions.starts;
  }
  return { problems, ...sums, writes: writes.acknowledged };
}

function countOf({ counts }: Faults): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
