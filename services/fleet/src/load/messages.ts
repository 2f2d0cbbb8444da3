/**
 * What the command and the processes of its agents tell each other.
 */
import type { TallyData } from "../report/tally.ts";
import type { FleetShare } from "./fleet.ts";

export type ToWorker =
  | { readonly type: "start"; readonly share: FleetShare }
  /** All processes' agents are known: what counts begins. */
  | { readonly type: "run" }
  | { readonly type: "stop" };

/** How a process stands. */
export interface WorkerState {
  readonly connected: number;
  readonly settled: number;
  readonly waiting: number;
  readonly openActions: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly tally: TallyData;
}

export type FromWorker =
  | { readonly type: "state"; readonly state: WorkerState }
  | { readonly type: "started"; readonly settled: boolean }
  | { readonly type: "ran" }
  | { readonly type: "ended"; readonly drained: boolean; readonly state: WorkerState };
