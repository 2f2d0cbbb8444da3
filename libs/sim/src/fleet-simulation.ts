/**
 * One run of a very large datacenter, fixed by its seed: a fleet comes up, gets its role, lives
 * through faults for as long as is asked, and is right again at the end.
 *
 * Three replicas over real Raft, with the leader, the watch, the planner and the encoding that the
 * orchestrator has; agents by the same protocol. What is left out: docs/simulation.md. Called by
 * the test suite and the command line.
 */
import { Prng } from "@atoll/stdx";
import { Fleet } from "./fleet.ts";
import type { FleetCounts } from "./fleet-checker.ts";
import { FleetFaults } from "./fleet-faults.ts";
import type { PowerLoss } from "./fleet-power.ts";
import { FleetUsers } from "./fleet-users.ts";
import type { Turn } from "./simulated-orchestrator.ts";
import { Violation } from "./violation.ts";

export interface FleetSimulationOptions {
  readonly nodes: number;
  /** How long faults last, in virtual time, once the fleet is up. 10 or more. */
  readonly minutes: number;
  /** No heartbeat is left out: slow, and gives the same log. Default false. */
  readonly everyHeartbeat?: boolean;
  /** Runs one turn of a replica's loop; whoever measures it sees how long that took, and when. */
  readonly turn?: (what: Turn, run: () => void, at: () => string) => void;
  /** Told now and then. */
  readonly onProgress?: (line: string) => void;
}

export interface FleetSimulationResult {
  readonly seed: number;
  /** Undefined when all went well. */
  readonly failure: Error | undefined;
  readonly counts: FleetCounts;
  readonly faults: Readonly<Record<string, number>>;
  readonly powerLosses: readonly PowerLoss[];
  readonly virtualMs: number;
  /** Heartbeats that were sent one by one. */
  readonly heartbeats: number;
  /** Of all that was logged, in order. */
  readonly digest: string;
  /** Of the state at the end, the same on all replicas. */
  readonly stateDigest: string;
}

const ROOMS = 10;
const STARTS_PER_SECOND = 5_000;
const PROGRESS_US = 600_000_000;
/** Nothing begins in the last minutes, so that everything is over at the end. */
const CALM_US = 240_000_000;

export function simulateFleet(
  seed: number,
  options: FleetSimulationOptions,
): FleetSimulationResult {
  const prng = new Prng(seed);
  const { nodes, minutes, everyHeartbeat = false, onProgress = () => undefined } = options;
  const { turn } = options;
  const measured =
    turn === undefined
      ? {}
      : { turn: (what: Turn, run: () => void) => turn(what, run, () => secondOf(fleet, faults)) };
  const fleet: Fleet = new Fleet(prng, { nodes, rooms: ROOMS, everyHeartbeat, ...measured });
  const users = new FleetUsers(fleet);
  const faults: FleetFaults = new FleetFaults(fleet, users, prng.child("faults"));
  const { clock, checker } = fleet;
  const say = (what: string): void => {
    const { entries, actions, nodesLost } = checker.counts;
    const so = `${entries} entries, ${actions} actions, ${nodesLost} nodes lost`;
    onProgress(`${Math.round(clock.nowUs / 1_000_000)} s: ${what}; ${so}`);
  };
  let failure: Error | undefined;
  let stateDigest = "";
  try {
    bringUp(fleet, users, say);
    const endUs = clock.nowUs + minutes * 60_000_000;
    faults.begin(endUs - CALM_US);
    while (clock.nowUs < endUs) {
      clock.runUntil(Math.min(endUs, clock.nowUs + PROGRESS_US));
      say(faults.last);
    }
    faults.checkOver();
    stateDigest = settle(fleet, users);
    say("at rest");
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  return {
    seed,
    failure,
    counts: checker.counts,
    faults: faults.counters,
    powerLosses: faults.powerLosses,
    virtualMs: clock.monotonicMs(),
    heartbeats: fleet.heartbeats.sent,
    digest: checker.digest.hex(),
    stateDigest,
  };
}

function secondOf({ clock }: Fleet, faults: FleetFaults): string {
  return `${Math.round(clock.nowUs / 1_000_000)} s, ${faults.last}`;
}

/** All nodes start, are given their place, and get a role. */
function bringUp(fleet: Fleet, users: FleetUsers, say: (what: string) => void): void {
  const { clock, nodes } = fleet;
  clock.runUntil(3_000_000);
  for (const [at, node] of nodes.entries()) {
    clock.schedule(Math.floor((at * 1_000_000) / STARTS_PER_SECOND), () => node.start());
  }
  fleet.wait("all nodes are known", () => {
    return fleet.leading?.state?.datacenter.nodeCount === nodes.length;
  });
  say("all nodes are known");
  const placed = users.placeAll();
  fleet.wait("all nodes have their place", placed);
  say("all nodes have their place");
  users.applyRole();
  fleet.wait("all nodes have their role", () => users.whyNotRight(nodes) === "");
  say("all nodes have their role");
}

/** At rest every replica has applied the same, and their states are equal byte for byte. */
function settle(fleet: Fleet, users: FleetUsers): string {
  const { orchestrators, checker } = fleet;
  fleet.wait("all nodes are right", () => users.whyNotRight(fleet.nodes) === "");
  const equal = (): boolean =>
    new Set(orchestrators.map(({ state }) => state?.appliedIndex)).size === 1;
  fleet.wait("all replicas have applied the same", equal);
  checker.checkComplete();
  let digest = "";
  for (const { id, state } of orchestrators) {
    if (state === undefined) throw new Violation(`replica ${id} is not there`);
    digest = checker.state(id, state.appliedIndex, state.snapshot());
  }
  return digest;
}
