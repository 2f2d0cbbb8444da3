/**
 * What a datacenter is to reach, line by line, beside what was measured. Pure.
 *
 * Each goal is judged by the worst round. What was not measured has no line.
 */
import type { Measured as ControlPlane } from "../control-plane/table.ts";
import { highestRssMb, type Measured as Fleet } from "./table.ts";

export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

const EVENTS_PER_SECOND = 20_000;
const EVENTS_P99_MS = 100;
const EVENT_AGENTS = 1_000;
/** Of what is offered in an open loop, so much must have come in time. */
const IN_TIME_SHARE = 0.99;
const ACTION_P50_MS = 5;
const ACTION_P99_MS = 20;
const NODES = 10_000;
const REPLICA_RSS_MB = 350;
const AGENT_RSS_MB = 65;
const AGENT_CORES = 0.003;

export function goalsOf(control: readonly ControlPlane[], fleets: readonly Fleet[]): Goal[] {
  return [
    ...eventGoal(control),
    ...actionGoal(control),
    ...fleetGoals(fleets),
    ...agentGoal(control),
  ];
}

export function formatGoals(goals: readonly Goal[]): string {
  return [
    "| what | goal | measured | |",
    "| --- | --- | --- | --- |",
    ...goals.map(({ what, goal, measured, met }) => {
      return `| ${what} | ${goal} | ${measured} | ${met ? "met" : "missed"} |`;
    }),
  ].join("\n");
}

function eventGoal(control: readonly ControlPlane[]): Goal[] {
  const rounds = control.filter(
    ({ type, rate, agents }) =>
      type === "events" && rate === EVENTS_PER_SECOND && agents === EVENT_AGENTS,
  );
  if (rounds.length === 0) return [];
  const perSecond = Math.min(...rounds.map((round) => round.perSecond ?? 0));
  const p99Ms = worst(rounds.map((round) => round.p99Ms));
  const p50Ms = worst(rounds.map((round) => round.p50Ms));
  return [
    {
      what: `events of ${thousands(EVENT_AGENTS)} agents, until they are in the state`,
      goal: `${thousands(EVENTS_PER_SECOND)}/s, p99 ≤ ${EVENTS_P99_MS} ms`,
      measured: `${thousands(perSecond)}/s, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`,
      met: perSecond >= IN_TIME_SHARE * EVENTS_PER_SECOND && p99Ms <= EVENTS_P99_MS,
    },
  ];
}

function actionGoal(control: readonly ControlPlane[]): Goal[] {
  const rounds = control.filter(({ type }) => type === "actions");
  if (rounds.length === 0) return [];
  const [p50Ms, p99Ms] = [worst(rounds.map((at) => at.p50Ms)), worst(rounds.map((at) => at.p99Ms))];
  return [
    {
      what: "fact at the agent → action at the agent, idle system",
      goal: `p50 ≤ ${ACTION_P50_MS} ms, p99 ≤ ${ACTION_P99_MS} ms`,
      measured: `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`,
      met: p50Ms <= ACTION_P50_MS && p99Ms <= ACTION_P99_MS,
    },
  ];
}

function fleetGoals(fleets: readonly Fleet[]): Goal[] {
  return fleets
    .filter(({ agents }) => agents >= NODES)
    .flatMap((measured): Goal[] => {
      const { agents, minutes, fleet } = measured;
      const running = fleet.samples.filter(({ phase }) => phase === "running");
      const connected = Math.min(...running.map((sample) => sample.connected));
      const rssMb = highestRssMb(measured, "orchestrator");
      return [
        {
          what: `nodes of one datacenter, ${minutes} minutes`,
          goal: `${thousands(NODES)} connections, nothing lost, repeated or unfenced`,
          measured: `${thousands(connected)} connections at the least, ${fleet.verdict}`,
          met: connected >= NODES && fleet.verdict === "ok",
        },
        {
          what: `memory of a replica at ${thousands(agents)} nodes, start and run`,
          goal: `≤ ${REPLICA_RSS_MB} MB`,
          measured: `${rssMb.toFixed(0)} MB`,
          met: rssMb <= REPLICA_RSS_MB,
        },
      ];
    });
}

function agentGoal(control: readonly ControlPlane[]): Goal[] {
  const rounds = control.filter(({ type }) => type === "agent");
  if (rounds.length === 0) return [];
  const rssMb = worst(rounds.map((round) => round.rssMb));
  const cores = worst(rounds.flatMap((round) => Object.values(round.cores ?? {})));
  return [
    {
      what: "an idle agent",
      goal: `≤ ${AGENT_RSS_MB} MB, ≤ ${AGENT_CORES * 100} % of a core`,
      measured: `${rssMb.toFixed(0)} MB, ${(cores * 100).toFixed(2)} % of a core`,
      met: rssMb <= AGENT_RSS_MB && cores <= AGENT_CORES,
    },
  ];
}

function worst(values: readonly (number | undefined)[]): number {
  return Math.max(...values.map((value) => value ?? Infinity));
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
