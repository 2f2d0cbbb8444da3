/**
 * Properties of planning over random histories.
 *
 * Safety: planning only what an event may affect, and what time wakes, gives what planning
 * everything gives; caches change no answer; every plan passes the linter. Liveness: once faults
 * end, every node comes to rest as wanted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent, NodeName, PlannerDecision } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { affectedNodes } from "./affected-nodes.ts";
import { lintPlan } from "./plan-linter.ts";
import type { NodePlan } from "./plan.ts";
import { Planner } from "./planner.ts";
import { Lab, LAB_DATACENTER } from "./testing/lab.ts";
import { NODES, step } from "./testing/random-history.ts";

const HISTORIES = Number(process.env["HISTORIES"] ?? 60);
const STEPS = 120;
const FIRST_SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** It differs, and is to be left so. */
const LEFT = /is left so|is left as it is/;
/** What may still differ when all faults have ended. */
const AT_REST = /^role \S+ waits for |is left so|is left as it is/;

/** What waits for other nodes, and what waits for that. */
const BEHIND = /; it waits for \S+.* not well again | it is (?:removed|stopped) after | waits for /;

/** A node was disrupted, broke, and cannot be mended: a role lacks a fact, or may not be its. */
function brokenForGood(lab: Lab, planner: Planner): boolean {
  return NODES.some((name) => {
    const node = lab.datacenter.node(name);
    if (node === undefined || node.disrupted.size === 0) return false;
    const { waiting } = planner.explainNode(name, lab.nowMs) ?? { waiting: [] };
    return waiting.some(({ text }) => AT_REST.test(text));
  });
}

/** Plans as the leader does: what an event names, what time wakes, never anything else. */
class IncrementalPlans {
  readonly plans = new Map<NodeName, NodePlan>();
  readonly #lab: Lab;
  readonly #planner: Planner;
  readonly #dirty = new Set<NodeName>(NODES);

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#planner = new Planner({ view: lab.datacenter, datacenter: LAB_DATACENTER });
  }

  saw(event: DomainEvent): void {
    const affected = affectedNodes(event);
    if (affected.type === "node") this.#dirty.add(affected.node);
    if (affected.type === "faultDomain") {
      const { faultDomain } = affected;
      for (const node of this.#lab.datacenter.ailingNodes(faultDomain)) this.#dirty.add(node);
    }
    if (affected.type === "all") for (const node of NODES) this.#dirty.add(node);
  }

  look(nowMs: number): void {
    for (const [node, { wakeAtMs }] of this.plans) {
      if (wakeAtMs !== undefined && wakeAtMs <= nowMs) this.#dirty.add(node);
    }
    for (const node of this.#dirty) this.plans.set(node, this.#planner.planNode(node, nowMs));
    this.#dirty.clear();
  }
}

class WatchedLab extends Lab {
  watcher: (event: DomainEvent) => void = () => undefined;

  override record(events: readonly DomainEvent[], actor: string): void {
    super.record(events, actor);
    for (const event of events) this.watcher(event);
  }
}

/**
 * Everything of a plan that must be the same whenever it was made. Texts count down, so they
 * are not.
 */
function essence(plan: NodePlan): unknown {
  const { decisions, converged, wakeAtMs, disrupts, condition } = plan;
  const { state, since } = condition;
  return {
    decisions: decisions.map(withoutCauseIndex),
    converged,
    wakeAtMs,
    disrupts,
    state,
    since,
  };
}

/** What made a role go away is read from operations, which plans do not otherwise depend on. */
function withoutCauseIndex(decision: PlannerDecision): unknown {
  return decision.type === "plan" ? { ...decision, cause: decision.cause.text } : decision;
}

function checkAll(lab: Lab, incremental: IncrementalPlans, warm: Planner, hint: string): void {
  const view = lab.datacenter;
  const cold = new Planner({ view, datacenter: LAB_DATACENTER });
  for (const node of NODES) {
    const full = cold.planNode(node, lab.nowMs);
    assert.deepEqual(lintPlan(view, full, lab.nowMs), [], `${hint}: linter on ${node}`);
    assert.deepEqual(warm.planNode(node, lab.nowMs), full, `${hint}: cold cache on ${node}`);
    const plan = incremental.plans.get(node);
    assert.ok(plan !== undefined);
    assert.deepEqual(essence(plan), essence(full), `${hint}: incremental plan of ${node}`);
  }
}

function explore(lab: WatchedLab, prng: Prng, hint: string): void {
  const incremental = new IncrementalPlans(lab);
  const warm = new Planner({ view: lab.datacenter, datacenter: LAB_DATACENTER });
  lab.watcher = (event) => incremental.saw(event);
  for (let round = 0; round < STEPS; round += 1) {
    step(lab, prng);
    incremental.look(lab.nowMs);
    checkAll(lab, incremental, warm, `${hint} step ${round}`);
    if (prng.chance(3, 4)) {
      const decisions = [...incremental.plans.values()].flatMap((plan) => plan.decisions);
      lab.carryOut(decisions);
      incremental.look(lab.nowMs);
      checkAll(lab, incremental, warm, `${hint} after step ${round}`);
    }
    const isConverged = (node: NodeName): boolean => incremental.plans.get(node)?.converged ?? true;
    if (prng.chance(1, 4)) lab.carryOut(warm.planOperations(isConverged));
  }
}

/** Ends all faults. */
function heal(lab: Lab): void {
  lab.decide({ type: "resumeActions" });
  for (const node of NODES) {
    // The end of a maintenance also ends that targets are withheld.
    lab.decide({ type: "startMaintenance", node, reason: "to end it" });
    lab.decide({ type: "endMaintenance", node });
    lab.decide({ type: "reportPresence", node, presence: "alive", silentMs: 0 });
    const agent = lab.agents.get(node);
    if (agent === undefined) continue;
    for (const target of agent.behaviours.keys()) {
      agent.behaviours.set(target, { type: "succeed" });
    }
    for (const service of [...agent.services.values()]) {
      if (service.status !== "starting") continue;
      lab.report(node, [agent.see({ ...service, status: "healthy" })]);
    }
  }
}

/** Storms end as the leader ends them, and what still is one is released. */
function calmStorms(lab: Lab): void {
  for (const { faultDomain } of [...lab.datacenter.storms()]) {
    lab.carryOut([{ type: "reviewStorm", faultDomain }]);
    lab.decide({ type: "releaseStorm", faultDomain, reason: "looked at it" });
  }
}

/** Orders, work and time until nothing more happens; asserts that it ends. */
function settle(lab: Lab, planner: Planner, hint: string): void {
  for (let quiet = 0, round = 0; quiet < 3; round += 1) {
    assert.ok(round < 500, `${hint}: it never comes to rest`);
    const index = lab.index;
    calmStorms(lab);
    for (const node of NODES) {
      lab.carryOut(planner.planNode(node, lab.nowMs).decisions);
      if (lab.agents.has(node)) lab.execute(node);
    }
    quiet = lab.index === index ? quiet + 1 : 0;
    if (quiet > 0) lab.nowMs += 61_000;
  }
}

for (let history = 0; history < HISTORIES; history += 1) {
  const seed = FIRST_SEED + history;
  test(`planning random history ${seed}`, () => {
    const hint = `SEED=${seed}`;
    const lab = new WatchedLab();
    const prng = new Prng(seed);
    for (const node of NODES) lab.boot(node, { tier: "web", port: "80" });
    explore(lab, prng, hint);
    heal(lab);
    const planner = new Planner({ view: lab.datacenter, datacenter: LAB_DATACENTER });
    settle(lab, planner, hint);
    for (const node of NODES) {
      const explanation = planner.explainNode(node, lab.nowMs);
      if (explanation === undefined) continue;
      const { plan, waiting } = explanation;
      const behind = brokenForGood(lab, planner) ? BEHIND : AT_REST;
      const unexplained = waiting.filter(({ text }) => !AT_REST.test(text) && !behind.test(text));
      assert.deepEqual(unexplained, [], `${hint}: ${node} does not come to rest`);
      const waits = waiting.some(({ text }) => !LEFT.test(text));
      assert.equal(plan.converged, !waits, hint);
    }
  });
}
