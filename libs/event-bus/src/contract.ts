/**
 * What every adapter of the bus must do, as cases that any test runner can run.
 *
 * A case is a generator: it acts on a world and yields conditions to wait for. So nothing here
 * needs promises or timers; a test polls with a deadline, a simulator steps its clock. A broken
 * promise throws. Run by memory-bus.test.ts and by event-bus-nats against a real server.
 */
import { connectionCases } from "./contract-connection.ts";
import { factCases } from "./contract-facts.ts";
import { heartbeatCases } from "./contract-heartbeats.ts";
import { messageCases } from "./contract-messages.ts";
import type { AgentBus, OrchestratorBus } from "./port.ts";

/** A server with any number of clients, made anew for each case. */
export interface BusWorld {
  agent(node: string): AgentBus;
  orchestrator(): OrchestratorBus;
  /** Ends the server at once, or as soon as it can be done; what it stored stays. */
  stopServer(): void;
  startServer(): void;
  /** Deletes the stream with everything in it while the server runs. */
  deleteStream(): void;
}

export interface WorldOptions {
  /** What the stream holds before it refuses. */
  readonly streamBytesMax: number;
}

/** Something that must become true within a few seconds; the time limit is the runner's. */
export interface Condition {
  readonly what: string;
  readonly holds: () => boolean;
}

export interface ContractCase {
  readonly name: string;
  readonly options: WorldOptions;
  run(world: BusWorld): Generator<Condition, void, void>;
}

/** All cases. */
export function busContract(): readonly ContractCase[] {
  return [...connectionCases(), ...factCases(), ...heartbeatCases(), ...messageCases()];
}
