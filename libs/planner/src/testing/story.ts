/**
 * The language of the planner's transcripts: a command a line, an answer in text.
 *
 * For tests of the planner only. Commands are listed in test/data/planner/README.md.
 */
import {
  type ActionId,
  type FaultDomainName,
  fileTarget,
  type NodeName,
  type RoleName,
  type ServiceKey,
  type ServiceStatus,
  serviceTarget,
  type TargetKey,
} from "@atoll/domain";
import { assert } from "@atoll/stdx";
import { lintPlan } from "../plan-linter.ts";
import type { NodePlan } from "../plan.ts";
import { Planner } from "../planner.ts";
import type { Behaviour } from "./fake-agent.ts";
import { inventoryOf } from "./inventory-of.ts";
import { Lab, LAB_DATACENTER } from "./lab.ts";
import { parseRole } from "./story-role.ts";
import { eventText, explanationText, planText } from "./story-text.ts";

const ROUNDS_MAX = 40;

export class Story {
  readonly #lab = new Lab();
  readonly #planner: Planner;

  constructor() {
    this.#planner = new Planner({ view: this.#lab.datacenter, datacenter: LAB_DATACENTER });
  }

  /** The answer to one block of commands. */
  run(block: readonly string[]): string {
    const answers: string[] = [];
    let at = 0;
    while (at < block.length) {
      const line = block[at] as string;
      at += 1;
      const details: string[] = [];
      while (at < block.length && (block[at] as string).startsWith("  ")) {
        details.push((block[at] as string).trim());
        at += 1;
      }
      answers.push(...this.#command(line.split(" "), details));
    }
    return answers.join("\n");
  }

  #command([verb = "", ...words]: readonly string[], details: readonly string[]): string[] {
    const [subject = "", ...rest] = words;
    const node = subject as NodeName;
    const text = rest.join(" ");
    switch (verb) {
      case "role":
        return this.#decide({ type: "applyRoles", roles: [parseRole(subject, details)] });
      case "delete-role":
        return this.#decide({ type: "deleteRole", role: subject as RoleName });
      case "assign":
        return this.#decide({ type: "assignRole", node, role: text as RoleName });
      case "unassign":
        return this.#decide({ type: "unassignRole", node, role: text as RoleName });
      case "labels":
        return this.#decide({ type: "updateNode", node, labels: pairs(rest), revision: 0 });
      case "location":
        return this.#decide({ type: "updateNode", node, location: pairs(rest), revision: 0 });
      case "maintain":
        return this.#decide({ type: "startMaintenance", node, reason: text });
      case "end-maintenance":
        return this.#decide({ type: "endMaintenance", node });
      case "cancel":
        return this.#decide({ type: "cancelAction", action: subject as ActionId, reason: text });
      case "withdrawn":
        this.#lab.withdrawn(subject as ActionId);
        return [];
      case "release": {
        const faultDomain = subject as FaultDomainName;
        return this.#decide({ type: "releaseStorm", faultDomain, reason: text });
      }
      case "review":
        return this.#review(subject as FaultDomainName);
      case "pause":
        return this.#decide({ type: "pauseActions", reason: words.join(" ") });
      case "resume":
        return this.#decide({ type: "resumeActions" });
      case "presence":
        return this.#presence(node, text);
      case "wait":
        return this.#wait(subject);
      case "plan":
        return planText(this.#plan(node), this.#lab.nowMs);
      case "operations":
        return this.#operations();
      case "why":
        return this.#why(node);
      case "order":
        return this.#order(node);
      case "run":
        return this.#run(node);
      default:
        return this.#agentCommand(verb, node, rest);
    }
  }

  #agentCommand(verb: string, node: NodeName, rest: readonly string[]): string[] {
    const [subject = "", ...words] = rest;
    const text = words.join(" ");
    switch (verb) {
      case "node":
        return this.#said(this.#lab.boot(node, pairs(rest)));
      case "wipe":
        return this.#said(this.#lab.boot(node, this.#lab.agent(node).labels, "second"));
      case "inventory":
        return this.#inventory(node, pairs(rest));
      case "behave":
        this.#lab.agent(node).behaviours.set(targetOf(subject), behaviourOf(text));
        return [];
      case "finish":
        return this.#finish(node);
      case "service":
        return this.#service(node, subject as ServiceKey, text);
      case "file":
        return this.#file(node, subject, text);
      default:
        return [`unknown command ${verb}`];
    }
  }

  #decide(command: Parameters<Lab["decide"]>[0]): string[] {
    return this.#said(this.#lab.decide(command));
  }

  #said(decision: ReturnType<Lab["decide"]>): string[] {
    if (decision.type === "rejected") return [`rejected: ${decision.reason}`];
    const logged = decision.events.filter((event) => event.type !== "factsAccepted");
    return logged.map((event) => `${this.#lab.index} ${eventText(event)}`);
  }

  #facts(node: NodeName, ...facts: Parameters<Lab["report"]>[1]): string[] {
    const decision = this.#lab.report(node, facts);
    return decision === undefined ? [] : this.#said(decision);
  }

  #inventory(node: NodeName, given: Readonly<Record<string, string>>): string[] {
    return this.#facts(node, { type: "inventoryObserved", inventory: inventoryOf(given) });
  }

  #presence(node: NodeName, presence: string): string[] {
    assert(presence === "alive" || presence === "suspected" || presence === "lost", presence);
    return this.#decide({ type: "reportPresence", node, presence, silentMs: 5_000 });
  }

  #wait(duration: string): string[] {
    const [, count, unit] = /^(\d+)(ms|s)$/.exec(duration) ?? [];
    assert(count !== undefined, `no duration: ${duration}`);
    this.#lab.nowMs += Number(count) * (unit === "s" ? 1_000 : 1);
    return [];
  }

  #plan(node: NodeName): NodePlan {
    const { nowMs, datacenter } = this.#lab;
    const plan = this.#planner.planNode(node, nowMs);
    const problems = lintPlan(datacenter, plan, nowMs);
    assert(problems.length === 0, problems.join("; "));
    return plan;
  }

  #why(node: NodeName): string[] {
    const { nowMs } = this.#lab;
    const explanation = this.#planner.explainNode(node, nowMs);
    return explanation === undefined ? ["no such node"] : explanationText(explanation, nowMs);
  }

  #operations(): string[] {
    const { nowMs } = this.#lab;
    const decisions = this.#planner.planOperations(
      (node) => this.#planner.planNode(node, nowMs).converged,
    );
    const events = this.#lab.carryOut(decisions);
    return events.map((event) => `${this.#lab.index} ${eventText(event)}`);
  }

  #order(node: NodeName): string[] {
    const events = this.#lab.carryOut(this.#plan(node).decisions);
    return events.map((event) => `${this.#lab.index} ${eventText(event)}`);
  }

  #review(faultDomain: FaultDomainName): string[] {
    const events = this.#lab.carryOut([{ type: "reviewStorm", faultDomain }]);
    return events.map((event) => `${this.#lab.index} ${eventText(event)}`);
  }

  #finish(node: NodeName): string[] {
    const before = this.#lab.index;
    this.#lab.execute(node);
    return [`${this.#lab.index - before} answered`];
  }

  /** Orders and lets the agent work until neither does anything more; then says how the node is. */
  #run(node: NodeName): string[] {
    const said: string[] = [];
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const index = this.#lab.index;
      said.push(...this.#order(node));
      this.#lab.execute(node);
      if (this.#lab.index === index) break;
    }
    return [...said, ...planText(this.#plan(node), this.#lab.nowMs)];
  }

  #service(node: NodeName, key: ServiceKey, text: string): string[] {
    const [status = "", ...reason] = text.split(" ");
    const agent = this.#lab.agent(node);
    const seen = agent.services.get(key);
    assert(seen !== undefined, `no service ${key}`);
    const pid = status === "crashed" || status === "stopped" ? 0 : seen.pid;
    const service = { ...seen, pid, status: status as ServiceStatus, reason: reason.join(" ") };
    return this.#facts(node, agent.see(service));
  }

  #file(node: NodeName, path: string, status: string): string[] {
    const agent = this.#lab.agent(node);
    const seen = agent.files.get(path);
    assert(seen !== undefined, `no file ${path}`);
    assert(status === "inSync" || status === "drifted" || status === "missing", status);
    const diff = status === "drifted" ? "-wanted +found" : "";
    return this.#facts(node, agent.seeFile({ ...seen, status, diff }));
  }
}

function targetOf(subject: string): TargetKey {
  return subject.startsWith("/") ? fileTarget(subject) : serviceTarget(subject as ServiceKey);
}

function behaviourOf(text: string): Behaviour {
  const [type = "", ...words] = text.split(" ");
  const reason = words.join(" ");
  if (type === "succeed" || type === "silent") return { type };
  if (type === "fail" || type === "crash") return { type, reason };
  return { type: "stay", status: type as ServiceStatus, reason };
}

function pairs(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => word.split("=") as [string, string]));
}
