/**
 * Says, in health and log, why a replica does not count, what it waits for, and when it is whole.
 *
 * Looks at the replica by period; takes no part in the recovery. Owned by the composition root.
 */
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { Log } from "@atoll/service-kit";

type Recovery = NonNullable<ReplicaStatus["recovery"]>;

/** A look in so many ticks. */
const LOOK_EVERY_TICKS = 20;

export class RecoveryWatch {
  readonly #status: () => ReplicaStatus;
  readonly #reason: string;
  readonly #log: Log;
  #ticks = 0;
  #told: string;

  constructor(options: {
    readonly status: () => ReplicaStatus;
    /** Why the log is not whole. */
    readonly reason: string;
    readonly log: Log;
  }) {
    this.#status = options.status;
    this.#reason = options.reason;
    this.#log = options.log;
    this.#told = this.reason() ?? "";
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks % LOOK_EVERY_TICKS !== 0) return;
    const now = this.reason() ?? "";
    if (now === this.#told) return;
    if (now === "") this.#log.info("this replica is whole", { term: this.#status().term });
    else this.#log.warn("recovering", { reason: now });
    this.#told = now;
  }

  /** Why the replica does not count, and what it waits for; undefined when it is whole. */
  reason(): string | undefined {
    const { recovery } = this.#status();
    return recovery === undefined ? undefined : describeRecovery(recovery, this.#reason);
  }
}

/** One sentence for people. */
export function describeRecovery(recovery: Recovery, reason: string): string {
  const { standing, silent, recovering, healthy, healthyNeeded, neededIndex } = recovery;
  if (standing === "founded") return "the group is new and waits until all of its voters are ready";
  const parts: string[] = [];
  if (healthy + silent.length < healthyNeeded && standing !== "blank") {
    parts.push(`stopped: no majority is healthy, ${healthy} of the ${healthyNeeded} needed`);
  }
  parts.push(reason === "" ? "its log is not whole" : reason);
  if (silent.length > 0) parts.push(`no answer yet from ${named(silent)}`);
  if (recovering.length > 0) parts.push(`not whole either: ${named(recovering)}`);
  if (neededIndex !== undefined) parts.push(`needs the log up to ${neededIndex}`);
  return parts.join("; ");
}

function named(ids: readonly number[]): string {
  return `${ids.length === 1 ? "replica" : "replicas"} ${ids.join(", ")}`;
}
