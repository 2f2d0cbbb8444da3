/**
 * A datacenter in memory with one decider and fake agents: commands and facts in, state out.
 *
 * For tests of the planner only. Every command that changes something becomes one log entry, so
 * that indexes in causes can be followed. Time moves only when it is told to.
 */
import {
  type ActionId,
  type Command,
  Datacenter,
  type DatacenterName,
  decide,
  type Decision,
  type DomainEvent,
  evolveEntry,
  type FactBatch,
  type NodeName,
  type PlannerDecision,
} from "@atoll/domain";
import { assert } from "@atoll/stdx";
import { type BareFact, FakeAgent } from "./fake-agent.ts";

export const LAB_DATACENTER: DatacenterName = "dc1" as DatacenterName;

export class Lab {
  readonly datacenter: Datacenter = new Datacenter();
  readonly agents = new Map<NodeName, FakeAgent>();
  nowMs = 0;
  index = 0;

  /** Decides; what comes of it is logged and applied at once. */
  decide(command: Command, actor = "ada"): Decision {
    const context = { nowMs: this.nowMs, actor, requestId: "" };
    const decision = decide(this.datacenter, command, context);
    if (decision.type === "decided") this.record(decision.events, actor);
    return decision;
  }

  record(events: readonly DomainEvent[], actor: string): void {
    if (events.length === 0) return;
    this.index += 1;
    const recorded = events.map((event) => ({ event, actor }));
    evolveEntry(this.datacenter, { stampMs: this.nowMs, events: recorded }, this.index);
  }

  carryOut(decisions: readonly PlannerDecision[]): readonly DomainEvent[] {
    const decision = this.decide({ type: "carryOutPlan", decisions }, "planner");
    assert(decision.type === "decided", "a plan is never rejected");
    return decision.events;
  }

  /**
   * A node nobody knew starts its agent; or, with another incarnation, a known one that was
   * wiped.
   */
  boot(name: NodeName, labels: Readonly<Record<string, string>>, incarnation = "first"): Decision {
    const agent = new FakeAgent(name, incarnation, labels);
    this.agents.set(name, agent);
    return this.take(agent.start());
  }

  agent(name: NodeName): FakeAgent {
    const agent = this.agents.get(name);
    assert(agent !== undefined, `no agent ${name}`);
    return agent;
  }

  report(name: NodeName, facts: readonly BareFact[]): Decision | undefined {
    return facts.length === 0 ? undefined : this.take(this.agent(name).batch(facts));
  }

  take(batch: FactBatch): Decision {
    return this.decide({ type: "acceptFacts", batch }, `agent/${batch.node}`);
  }

  /** The agent says that it never begins the action. */
  withdrawn(action: ActionId): void {
    const node = this.datacenter.action(action)?.node;
    assert(node !== undefined, `no action ${action}`);
    this.carryOut([{ type: "cancel", node, action, reason: "cancelled" }]);
  }

  /** The agent carries out everything that is ordered; returns how many actions it heard of. */
  execute(name: NodeName): number {
    const open = [...(this.datacenter.node(name)?.open.values() ?? [])];
    for (const id of open) {
      const action = this.datacenter.action(id);
      if (action !== undefined) this.report(name, this.agent(name).execute(action));
    }
    return open.length;
  }
}
