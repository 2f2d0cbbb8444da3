/**
 * What the measurements ask of a cluster, whichever system it is.
 */

/** Numbered from 1 on. */
export const MEMBERS = 3;

/** The leader changed while a driver wrote to it; the run says nothing. */
export class LeaderChangedError extends Error {
  override name = "LeaderChangedError";
  readonly code = "LEADER_CHANGED";
  readonly retryable = true;
}

export interface Driver {
  /**
   * Writes values, at most `inFlight` of them unanswered at a time, until `endMs` of the monotonic
   * clock. Calls `acknowledged` with the time of sending and how many were answered together.
   */
  run(
    inFlight: number,
    endMs: number,
    acknowledged: (sentMs: number, count: number) => void,
  ): Promise<void>;
  close(): void;
}

export interface Cluster {
  readonly name: string;
  /** A driver that talks to the leader. */
  driver(): Promise<Driver>;
  /** Which member leads, by a number from 1 on. */
  leader(): Promise<number>;
  /**
   * Writes one value by way of any member but `avoided`; resolves once acknowledged with the
   * position of the write, rejects if not so in time. Positions only rise: a state at this one or a
   * later one holds the write.
   */
  writeAvoiding(avoided: number, tried: number, timeoutMs: number): Promise<number>;
  /**
   * The position of the state that a linearizable read at `member` sees; rejects when none is
   * answered in time.
   */
  readAt(member: number, timeoutMs: number): Promise<number>;
  signal(member: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  restart(member: number): Promise<void>;
  /** Waits until all members take part. */
  healthy(): Promise<void>;
  pids(): readonly number[];
  stop(): Promise<void>;
}

export const VALUE_BYTES = 256;

export function makeValue(): Uint8Array {
  return Uint8Array.from({ length: VALUE_BYTES }, (_, at) => (at * 31) & 0xff);
}
