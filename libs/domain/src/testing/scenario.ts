/**
 * Given these events, when this is commanded, what follows? For tests of decide and evolve.
 */
import type { Command, CommandContext } from "../command.ts";
import { Datacenter } from "../datacenter.ts";
import { decide } from "../decide.ts";
import type { Decision } from "../decision.ts";
import type { DomainEvent } from "../event.ts";
import { evolveEntry } from "../evolve.ts";
import type { NodeState } from "../state.ts";
import { n1 } from "./samples.ts";

/**
 * Stamps of entries: the entry at index i is stamped i seconds, so that what follows is readable in
 * tests.
 */
export const STEP_MS = 1_000;

export class Scenario {
  readonly state: Datacenter = new Datacenter();
  index = 0;
  #lateMs = 0;

  /** Each event in an entry of its own. */
  given(...events: readonly DomainEvent[]): this {
    for (const event of events) this.entry(event);
    return this;
  }

  /** All events in one entry. */
  entry(...events: readonly DomainEvent[]): this {
    this.index += 1;
    const entry = {
      stampMs: this.nowMs,
      events: events.map((event) => ({ event, actor: "tester" })),
    };
    evolveEntry(this.state, entry, this.index);
    return this;
  }

  /** Lets time pass before the next entry. */
  after(passedMs: number): this {
    this.#lateMs += passedMs;
    return this;
  }

  /** What the next command is judged by, and the stamp of the last entry. */
  get nowMs(): number {
    return this.index * STEP_MS + this.#lateMs;
  }

  when(command: Command, context: Partial<CommandContext> = {}): Decision {
    return decide(this.state, command, {
      nowMs: this.nowMs,
      actor: "tester",
      requestId: "",
      ...context,
    });
  }

  /** Decides, and applies what comes of it as the next entry. */
  carryOut(command: Command, context: Partial<CommandContext> = {}): Decision {
    const decision = this.when(command, context);
    if (decision.type === "decided" && decision.events.length > 0) this.entry(...decision.events);
    return decision;
  }

  get node(): NodeState | undefined {
    return this.state.node(n1);
  }
}

export function given(...events: readonly DomainEvent[]): Scenario {
  return new Scenario().given(...events);
}

/** The events of a decision; a rejection's code and reason stand for themselves. */
export function outcomeOf(decision: Decision): readonly DomainEvent[] | string {
  return decision.type === "decided" ? decision.events : `${decision.code}: ${decision.reason}`;
}
