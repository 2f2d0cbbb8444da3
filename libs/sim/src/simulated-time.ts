/**
 * The time of the datacenter at a simulated replica, which tells the history when wall clocks had
 * to say it. Used by `SimulatedOrchestrator`.
 */
import { type ClockReading, DatacenterTime, type DatacenterTimeOptions } from "@atoll/control";
import type { OrchestratorHistory } from "./simulated-orchestrator.ts";

export class SimulatedTime extends DatacenterTime {
  readonly #history: OrchestratorHistory;
  #told = 0;

  constructor(history: OrchestratorHistory, options: DatacenterTimeOptions) {
    super(options);
    this.#history = history;
  }

  override ready(): boolean {
    const ready = super.ready();
    this.#tell();
    return ready;
  }

  override observe(readings: readonly ClockReading[]): void {
    super.observe(readings);
    this.#tell();
  }

  #tell(): void {
    if (this.begun > this.#told) this.#history.time.begins();
    this.#told = this.begun;
  }
}
