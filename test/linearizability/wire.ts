/**
 * What clients and the replicas of the register service say to each other: JSON, one line each.
 *
 * A request names itself by a number; its answer carries the same. What a replica tells of itself
 * goes to its standard output.
 */
import type { RegisterCommand } from "@atoll/sim";

export type Request =
  | ({ readonly id: number } & RegisterCommand)
  | { readonly id: number; readonly kind: "read"; readonly key: number }
  /** From now on each write to disk waits so long before it begins. Never answered. */
  | { readonly id: number; readonly kind: "disk"; readonly delayMs: number }
  /** What this replica holds and whether it counts, without asking anybody. */
  | { readonly id: number; readonly kind: "state" };

export type Answer =
  | { readonly id: number; readonly type: "ok" }
  | { readonly id: number; readonly type: "failed" }
  /** `value` is 0 for a register that was never written. */
  | { readonly id: number; readonly type: "read"; readonly value: number }
  /** It did not happen and will not. */
  | { readonly id: number; readonly type: "refused"; readonly leader: number }
  | { readonly id: number; readonly type: "unknown"; readonly leader: number }
  | ReplicaState;

export interface ReplicaState {
  readonly id: number;
  readonly type: "state";
  /** False while it recovers what it lost. */
  readonly whole: boolean;
  /** Of its log. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly appliedIndex: number;
  readonly digest: string;
}

/** What a replica tells the suite. */
export type News =
  /** What its log was found to be; `reason` is empty when that is whole. */
  | { readonly type: "opened"; readonly whole: boolean; readonly reason: string }
  | { readonly type: "listening"; readonly clientPort: number }
  | { readonly type: "leadership"; readonly term: number; readonly leading: boolean }
  /** Its disk or its state is not to be trusted, so it ends; {@link EXIT_LOST} says the former. */
  | { readonly type: "failed"; readonly reason: string };

/** It ended because its log shows less than was acknowledged with it; noted in its folder. */
export const EXIT_LOST = 3;

export interface ReplicaProcessConfig {
  readonly id: number;
  readonly folder: string;
  /** Where it listens for its peers. */
  readonly raftPort: number;
  /** Where its links to its peers begin, by id. */
  readonly peerPorts: Readonly<Record<string, number>>;
}

/**
 * Splits a stream of bytes into lines. The last one is dropped when it has no end, as node:readline
 * does not: who was killed leaves half of one.
 */
export function lineReader(line: (text: string) => void): (bytes: Buffer) => void {
  let rest = "";
  return (bytes) => {
    const lines = (rest + bytes.toString("utf8")).split("\n");
    rest = lines.pop() as string;
    for (const each of lines) line(each);
  };
}
