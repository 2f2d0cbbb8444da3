/**
 * One run of a whole datacenter under random faults, fixed by its seed.
 *
 * Three or five orchestrator replicas over real Raft, a bus that loses what it acknowledged, nodes
 * whose agents and services crash, users who change their minds. First anything goes and only
 * safety counts; then the faults end, and everything must come to rest as it is wanted: nothing
 * lost, nothing twice, all replicas alike. Called by the test suite and the command line.
 */
import { Planner } from "@atoll/planner";
import { Prng } from "@atoll/stdx";
import { buildDatacenter, SIMULATED_NAME, type SimulatedDatacenter } from "./build-datacenter.ts";
import { DatacenterFaults } from "./datacenter-faults.ts";
import { DatacenterHistory } from "./datacenter-history.ts";
import { DatacenterUsers } from "./datacenter-users.ts";
import { Violation } from "./violation.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** How long faults last, in virtual time. */
const SAFETY_US = 30_000_000;
/**
 * How long everything may take to come to rest: the longest backoff, and deadlines of lost orders.
 */
const LIVENESS_US = 240_000_000;

export interface DatacenterSimulationResult {
  readonly seed: number;
  /** Undefined when all went well. */
  readonly failure: Error | undefined;
  readonly replicas: number;
  readonly nodes: number;
  readonly entries: number;
  readonly events: number;
  readonly facts: number;
  readonly actions: number;
  /** Actions that took away something that worked. */
  readonly disruptions: number;
  readonly storms: number;
  /** Conflicts of agents under one name. */
  readonly conflicts: number;
  /** How often wall clocks had to say what time it is. */
  readonly timesBegun: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly virtualMs: number;
  readonly steps: number;
}

/** Runs one seed. */
export function simulateDatacenter(seed: number): DatacenterSimulationResult {
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const history = new DatacenterHistory();
  const draws = prng.child("shape");
  const shape = {
    replicas: draws.pick([1, 3, 3, 3, 5]),
    nodes: draws.pick([2, 3, 4, 8, 8]),
    lossPerMille: draws.pick([0, 100, 100]),
  };
  const datacenter = buildDatacenter(prng, { clock, history, shape });
  const faults = new DatacenterFaults(datacenter, prng.child("faults"), SAFETY_US);
  let failure: Error | undefined;
  try {
    const users = new DatacenterUsers(datacenter, prng.child("users"), SAFETY_US);
    clock.runUntil(SAFETY_US);
    faults.heal();
    users.settle();
    comeToRest(datacenter);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  return {
    seed,
    failure,
    replicas: datacenter.orchestrators.length,
    nodes: datacenter.nodes.length,
    entries: history.lastIndex,
    events: history.events,
    facts: history.factsTaken,
    actions: history.actionsRun,
    disruptions: history.limits.disruptions,
    storms: history.limits.storms,
    conflicts: history.identity.conflicts,
    timesBegun: history.time.begun,
    faults: faults.counters,
    virtualMs: clock.monotonicMs(),
    steps: clock.steps,
  };
}

/** All replicas applied the same, all outboxes are empty, and no node has anything left to do. */
function comeToRest(datacenter: SimulatedDatacenter): void {
  const { clock, orchestrators, nodes, history } = datacenter;
  let reason = "";
  let nextLookUs = 0;
  const atRest = (): boolean => {
    if (clock.nowUs < nextLookUs) return false;
    nextLookUs = clock.nowUs + 500_000;
    reason = whyRestless(datacenter);
    return reason === "";
  };
  clock.runUntil(clock.nowUs + LIVENESS_US, atRest);
  if (reason !== "") throw new Violation(`no rest after healing: ${reason}`);
  for (const { state, id } of orchestrators) {
    if (state !== undefined) history.state(id, state.appliedIndex, state.snapshot());
  }
  history.checkComplete();
  checkNodes(datacenter, nodes);
}

function whyRestless({ orchestrators, nodes, history }: SimulatedDatacenter): string {
  const applied = new Set(orchestrators.map(({ state }) => state?.appliedIndex));
  if (applied.size > 1) return `replicas have applied ${[...applied].join(", ")}`;
  const time = orchestrators.find(({ leader }) => leader?.leading)?.time;
  if (time === undefined) return "nobody leads";
  const waiting = nodes.find(({ outboxSize }) => outboxSize > 0);
  if (waiting !== undefined) return `${waiting.name} holds ${waiting.outboxSize} facts`;
  const view = orchestrators[0]?.state?.datacenter;
  if (view === undefined) return "no state";
  // A twin that nobody noticed may have been taken for the node: who is left begins anew in time.
  const passedOver = nodes.find(
    (node) => history.identity.wasTwinned(node.name) && !node.disk.isHeldBy(view.node(node.name)),
  );
  if (passedOver !== undefined) return `the log holds a twin of ${passedOver.name}`;
  const planner = new Planner({ view, datacenter: SIMULATED_NAME });
  for (const { name } of nodes) {
    const plan = planner.planNode(name, time.now());
    if (!plan.converged) return `${name} is ${plan.condition.state}: ${plan.condition.reason}`;
  }
  for (const operation of view.runningOperations()) return `${operation.id} is not done`;
  return "";
}

/** The log holds the agent of each node, and says of its targets what stands on the node. */
function checkNodes({ orchestrators }: SimulatedDatacenter, nodes: readonly SimulatedNode[]): void {
  const view = orchestrators[0]?.state?.datacenter;
  for (const node of nodes) {
    const state = view?.node(node.name);
    if (!node.disk.isHeldBy(state))
      throw new Violation(`the log holds another agent of ${node.name}`);
    const observed = [
      ...[...(state?.services.keys() ?? [])].map((key) => `service:${key}`),
      ...[...(state?.files.keys() ?? [])].map((path) => `file:${path}`),
    ].toSorted();
    const real = node.disk.targets().toSorted();
    if (observed.join() !== real.join()) {
      throw new Violation(
        `${node.name} holds ${real.join(" ")}, the log says ${observed.join(" ")}`,
      );
    }
  }
}
