/**
 * The step from state to actions: what is wanted, compared with what is observed, gives what is
 * to be done.
 *
 * Reads the view and the moment, nothing else; holds nothing but caches that could be computed
 * again. It never changes state: its decisions become events when the leader decides on them.
 * Called by the leader for nodes that something happened to, for all by period, and by whoever
 * asks why.
 */
import type {
  DatacenterName,
  NodeName,
  NodeState,
  PlannerDecision,
  StateView,
} from "@atoll/domain";
import { limitsOf, isDisruptive } from "@atoll/domain";
import { assess } from "./assess.ts";
import { conditionOf, holdOf } from "./condition.ts";
import { decisionOf, wakeAtMsOf } from "./decisions.ts";
import { DesiredCache } from "./desired.ts";
import { explain } from "./explain.ts";
import type { Findings, Look } from "./finding.ts";
import { OperationProgress } from "./operation-progress.ts";
import { settlingOf } from "./settle.ts";
import type { NodeExplanation, NodePlan } from "./plan.ts";

export class Planner {
  readonly #view: StateView;
  readonly #datacenter: DatacenterName;
  readonly #desired: DesiredCache;
  readonly #operations = new OperationProgress();

  constructor(options: { view: StateView; datacenter: DatacenterName }) {
    this.#view = options.view;
    this.#datacenter = options.datacenter;
    this.#desired = new DesiredCache(options.view, options.datacenter);
  }

  /**
   * What to do on a node at `nowMs`, on the clock of the log's stamps. A node that does not
   * exist needs nothing.
   */
  planNode(name: NodeName, nowMs: number): NodePlan {
    const node = this.#view.node(name);
    if (node === undefined) {
      this.#desired.forget(name);
      return noPlan(name);
    }
    const look = this.#look(node, nowMs);
    return planOf(look, assess(look));
  }

  /**
   * Completes the running operations whose nodes are all converged or gone. With `looksMax` it may
   * end before all are looked at; then `operationsLeft` says so, and the next call goes on.
   */
  planOperations(
    isConverged: (node: NodeName) => boolean,
    looksMax: number = Number.MAX_SAFE_INTEGER,
  ): readonly PlannerDecision[] {
    const isDone = (name: NodeName): boolean =>
      isConverged(name) || this.#view.node(name) === undefined;
    const done = this.#operations.done(this.#view.runningOperations(), isDone, looksMax);
    return done.map((operation) => ({ type: "completeOperation", operation }));
  }

  get operationsLeft(): boolean {
    return this.#operations.leftOver;
  }

  /** Why the node is as it is and what follows; undefined when there is no such node. */
  explainNode(name: NodeName, nowMs: number): NodeExplanation | undefined {
    const node = this.#view.node(name);
    if (node === undefined) return undefined;
    const look = this.#look(node, nowMs);
    const findings = assess(look);
    return explain(look, findings, planOf(look, findings));
  }

  #look(node: NodeState, nowMs: number): Look {
    const catalog = this.#desired.catalog();
    const { roles, doubtful } = this.#desired.of(node, catalog);
    return {
      view: this.#view,
      datacenter: this.#datacenter,
      node,
      nowMs,
      catalog,
      roles,
      doubtful,
    };
  }
}

function planOf(look: Look, findings: Findings): NodePlan {
  const { node } = look;
  const held = holdOf(look.view, node) !== undefined;
  const settling = settlingOf(node, look.nowMs, limitsOf(look.view).settleMs);
  const decisions: PlannerDecision[] = [...settling.decisions];
  let { wakeAtMs } = settling;
  let settled = true;
  for (const finding of findings.list) {
    if (finding.type !== "leave") settled = false;
    const decision = decisionOf(look, finding, held);
    if (decision !== undefined) {
      decisions.push(decision);
      continue;
    }
    const atMs = wakeAtMsOf(finding, held);
    if (atMs !== undefined && (wakeAtMs === undefined || atMs < wakeAtMs)) wakeAtMs = atMs;
  }
  return {
    node: node.name,
    decisions,
    condition: conditionOf(look, findings),
    converged: settled && node.presence === "alive" && node.conflict === undefined,
    wakeAtMs,
    disrupts: decisions.some((made) => made.type === "plan" && isDisruptive(node, made.order)),
  };
}

function noPlan(node: NodeName): NodePlan {
  const since = { index: 0, stampMs: 0 };
  return {
    node,
    decisions: [],
    condition: { state: "discovered", reason: "there is no such node", since },
    converged: true,
    wakeAtMs: undefined,
    disrupts: false,
  };
}
