/**
 * How instances of a service come to be and end: what differs between the process and the systemd
 * driver.
 *
 * `SupervisedServices` keeps keys, records, health and observations; a backend knows processes or
 * units.
 */
import type { ServiceRecord } from "./service-record.ts";

/** One run of a service. */
export interface RunningInstance {
  readonly pid: number;
  /**
   * Called once when the run is over for whatever cause, with the reason for people; at once if it
   * is over.
   */
  onEnd(listener: (reason: string) => void): void;
  /** Called when the service manager has put another process in its place. */
  onReplaced(listener: (pid: number) => void): void;
  /** Asks it to end, and after `timeoutMs` makes it. Resolves when nothing of it is left. */
  stop(timeoutMs: number): Promise<void>;
}

export type LaunchResult =
  | { readonly type: "running"; readonly instance: RunningInstance; readonly record: ServiceRecord }
  | { readonly type: "failed"; readonly reason: string };

export interface InstanceBackend extends AsyncDisposable {
  /**
   * Starts it. `record` has been stored; `store` is called with the process's id and start time
   * before the program can do anything, so that a crash in between leaves no unknown process.
   */
  launch(
    record: ServiceRecord,
    store: (record: ServiceRecord) => Promise<void>,
  ): Promise<LaunchResult>;
  /** The instance of the record if it still runs, or why it does not. */
  find(record: ServiceRecord): Promise<RunningInstance | { readonly reason: string }>;
  /** Removes what an ended instance left behind. */
  clean(record: ServiceRecord): Promise<void>;
}
