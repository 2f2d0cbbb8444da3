/**
 * What one turn of the leader's loop gathers: events decided one upon the other, and who waits for
 * them.
 *
 * Lives from the decision to the commit. It decides against its own draft; nothing of it is seen by
 * anybody before the entry it becomes is committed. Made by the leader.
 */
import {
  type Command,
  type Datacenter,
  decide,
  type DomainEvent,
  Draft,
  evolve,
  type LogEntry,
  type NodeName,
  type RecordedEvent,
  type StreamPosition,
} from "@atoll/domain";
import type { PendingCommand, ProposeOutcome, SubmitDone, SubmitOutcome } from "./ports.ts";

interface Answer {
  readonly done: SubmitDone;
  readonly outcome: (index: number) => SubmitOutcome;
}

export class Batch {
  /** The stamp of the entry. */
  readonly nowMs: number;
  /** Nodes that are to be told what is committed, also when nothing of theirs was new. */
  readonly addressees: Set<NodeName> = new Set();
  stream: StreamPosition | undefined;
  messages = 0;
  /** When each fact of the batch was observed, by its agent's clock. */
  readonly observedAtMs: number[] = [];
  readonly #view: Datacenter;
  readonly #draft: Draft;
  readonly #index: number;
  readonly #events: RecordedEvent[] = [];
  readonly #answers: Answer[] = [];

  /** @param index where the entry is expected to stand; only the draft sees it. */
  constructor(options: {
    readonly view: Datacenter;
    readonly index: number;
    readonly nowMs: number;
  }) {
    this.#view = options.view;
    this.#draft = new Draft(options.view);
    this.#index = options.index;
    this.nowMs = options.nowMs;
  }

  get events(): readonly RecordedEvent[] {
    return this.#events;
  }

  get commandCount(): number {
    return this.#answers.length;
  }

  /** A command of the orchestrator's own: a refusal interests nobody. */
  decide(command: Command, actor: string): void {
    const context = { nowMs: this.nowMs, actor, requestId: "" };
    const decision = decide(this.#draft, command, context);
    if (decision.type === "decided") this.#record(decision.events, actor);
  }

  /** A user's command, whose caller waits. */
  decideFor({ command, options, done }: PendingCommand): void {
    const { actor, requestId, validateOnly } = options;
    const draft = validateOnly ? new Draft(this.#view) : this.#draft;
    const decision = decide(draft, command, { nowMs: this.nowMs, actor, requestId });
    if (decision.type === "rejected") {
      this.#answers.push({ done, outcome: () => decision });
      return;
    }
    if (!validateOnly) this.#record(decision.events, actor);
    const operation = validateOnly ? "" : decision.operation;
    this.#answers.push({ done, outcome: (index) => ({ type: "accepted", index, operation }) });
  }

  /** What is proposed to the log. */
  entry(): LogEntry {
    const stream = this.stream === undefined ? {} : { stream: this.stream };
    return { stampMs: this.nowMs, events: this.#events, ...stream };
  }

  /** Tells every caller what became of the entry. */
  answer(outcome: ProposeOutcome): void {
    for (const answer of this.#answers) answer.done(answerOf(answer, outcome));
  }

  #record(events: readonly DomainEvent[], actor: string): void {
    for (const event of events) {
      const offset = this.#events.length;
      evolve(this.#draft, event, { index: this.#index, offset, stampMs: this.nowMs }, actor);
      this.#events.push({ event, actor });
    }
  }
}

function answerOf(answer: Answer, outcome: ProposeOutcome): SubmitOutcome {
  if (outcome.type === "committed") return answer.outcome(outcome.index);
  return outcome.type === "refused" ? { type: "notLeader" } : { type: "unknown" };
}
