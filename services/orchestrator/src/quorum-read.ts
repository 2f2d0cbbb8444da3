/**
 * Whether a linearizable read gets through just now, and if not, what is missing.
 *
 * A replica that knows a leader may still be unable to serve: only a read that a majority has
 * confirmed shows that it can. Asking costs next to nothing, however often: one read is under way
 * at a time, all who ask meanwhile share it, and its result stands for a second. Who asks is
 * answered within a third of a second, while probes wait a second or more; a read that has no
 * answer by then stays the one under way. Asked by the health port; ticked by the composition root.
 */
import type { ReadOutcome, ReplicaDriver, ReplicaStatus } from "@atoll/raft-replica";
import type { Clock } from "@atoll/stdx";

export interface QuorumVerdict {
  readonly ok: boolean;
  /** One sentence for people, without its end. */
  readonly detail: string;
}

/** Those who wait for the same answer. */
interface Question {
  readonly answered: Promise<QuorumVerdict>;
  readonly answer: (verdict: QuorumVerdict) => void;
  readonly deadlineMs: number;
}

export const ANSWER_MS_MAX = 300;
export const REMEMBERED_MS = 1_000;

export class QuorumRead {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #driver: Pick<ReplicaDriver, "readIndex" | "status">;
  #reading = false;
  #question: Question | undefined;
  #last: { readonly verdict: QuorumVerdict; readonly atMs: number } | undefined;

  constructor(
    clock: Pick<Clock, "monotonicMs">,
    driver: Pick<ReplicaDriver, "readIndex" | "status">,
  ) {
    this.#clock = clock;
    this.#driver = driver;
  }

  /** Never rejects. */
  ask(): Promise<QuorumVerdict> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#last !== undefined && nowMs - this.#last.atMs < REMEMBERED_MS) {
      return Promise.resolve(this.#last.verdict);
    }
    if (this.#question !== undefined) return this.#question.answered;
    const { promise: answered, resolve: answer } = Promise.withResolvers<QuorumVerdict>();
    this.#question = { answered, answer, deadlineMs: nowMs + ANSWER_MS_MAX };
    if (!this.#reading) {
      this.#reading = true;
      this.#driver.readIndex((outcome) => this.#ended(outcome));
    }
    return answered;
  }

  /** Answers those who waited long enough. */
  tick(): void {
    if (this.#question === undefined) return;
    if (this.#clock.monotonicMs() < this.#question.deadlineMs) return;
    const missing = whatIsMissing(this.#driver.status());
    this.#tell({ ok: false, detail: `no read came through in ${ANSWER_MS_MAX} ms: ${missing}` });
  }

  #ended(outcome: ReadOutcome): void {
    this.#reading = false;
    const status = this.#driver.status();
    this.#tell(
      outcome.type === "ready"
        ? { ok: true, detail: `${status.role} in term ${status.term}` }
        : { ok: false, detail: whyRefused(outcome.reason, status) },
    );
  }

  #tell(verdict: QuorumVerdict): void {
    this.#last = { verdict, atMs: this.#clock.monotonicMs() };
    this.#question?.answer(verdict);
    this.#question = undefined;
  }
}

function whyRefused(
  reason: Extract<ReadOutcome, { readonly type: "refused" }>["reason"],
  status: ReplicaStatus,
): string {
  switch (reason) {
    case "noLeader":
      return whatIsMissing(status);
    case "overloaded":
      return "more reads wait than are taken";
    case "stopped":
      return "the replica has stopped";
  }
}

function whatIsMissing(status: ReplicaStatus): string {
  const { role, leader, membership, peers, appliedIndex, commitIndex } = status;
  if (leader === 0) return "no leader is known";
  if (role !== "leader") {
    return appliedIndex < commitIndex
      ? `entries up to ${commitIndex} are committed, up to ${appliedIndex} applied here`
      : `replica ${leader}, which leads, has not confirmed it`;
  }
  const silent = peers.filter(({ id, active }) => !active && membership.voters.includes(id));
  if (silent.length === 0) return "no majority has confirmed it";
  const names = silent.map(({ id }) => id).join(", ");
  const voters = membership.voters.join(", ");
  return `no majority has confirmed it; no word from ${names} of voters ${voters}`;
}
