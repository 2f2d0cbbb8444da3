/**
 * Calls to the orchestrator of a datacenter, and what may come of them: the port.
 *
 * `ReplicaSession` answers it for the datacenter in which the gateway stands. Callers see one
 * answer, and neither leaders nor links.
 */
import type { Call, Violation } from "@atoll/proto/atoll/replica/v1/orchestrator";

export type CallContent = NonNullable<Call["call"]>;

export type CallOutcome =
  | {
      readonly type: "accepted";
      readonly index: number;
      /** The group whose log `index` is of. */
      readonly groupId: string;
      readonly operation: string;
    }
  | { readonly type: "ready"; readonly index: number; readonly groupId: string }
  | {
      readonly type: "rejected";
      readonly code: string;
      readonly reason: string;
      readonly violations: readonly Violation[];
    }
  /**
   * No answer by the deadline. `uncertain`: it may have been carried out. `account`: what the
   * replicas said last.
   */
  | { readonly type: "failed"; readonly uncertain: boolean; readonly account: string }
  /** As `failed`, since nobody in the datacenter could be asked. `account`: why. */
  | { readonly type: "unreachable"; readonly uncertain: boolean; readonly account: string }
  /** Too many calls wait already, or the command is too large. */
  | { readonly type: "refused"; readonly reason: string };

export interface Caller {
  /** When the datacenter was last heard of, on the monotonic clock; undefined: never. */
  readonly lastContactMs: number | undefined;

  /**
   * Sends `content` until it is answered or `deadlineMs`, on the monotonic clock, has passed. Never
   * throws.
   */
  call(content: CallContent, deadlineMs: number): Promise<CallOutcome>;
}
