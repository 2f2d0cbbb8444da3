/**
 * Operations as the API shows them, with how far their nodes are.
 */
import type { OperationId, OperationKind, OperationState, OperationStatus } from "@atoll/domain";
import {
  type Operation,
  OperationStatus as ProtoOperationStatus,
} from "@atoll/proto/atoll/v1/operation";
import type { FilterField } from "../filter/fields.ts";
import type { Mirror } from "../islands/mirror.ts";
import type { NodeView } from "./node-view.ts";
import type { ResourceNames } from "./resource-names.ts";
import { sinceOf } from "./time.ts";

const WAITING_LINES_MAX = 20;

const STATUSES: Readonly<Record<OperationStatus, ProtoOperationStatus>> = {
  running: ProtoOperationStatus.OPERATION_STATUS_RUNNING,
  succeeded: ProtoOperationStatus.OPERATION_STATUS_SUCCEEDED,
  cancelled: ProtoOperationStatus.OPERATION_STATUS_CANCELLED,
};

export class OperationView {
  readonly #mirror: Mirror;
  readonly #nodes: NodeView;
  readonly #names: ResourceNames;

  constructor(options: {
    readonly mirror: Mirror;
    readonly nodes: NodeView;
    readonly names: ResourceNames;
  }) {
    this.#mirror = options.mirror;
    this.#nodes = options.nodes;
    this.#names = options.names;
  }

  /** @param index where the request took effect; default where the operation started. */
  render(operation: OperationState, index: number = operation.started.index): Operation {
    const progress = this.#progress(operation);
    return {
      name: this.#names.operation(operation.id),
      kind: operation.kind,
      description: operation.description,
      status: STATUSES[operation.status],
      done: operation.status !== "running",
      actor: operation.actor,
      started: sinceOf(operation.started),
      ended: operation.ended === undefined ? undefined : sinceOf(operation.ended),
      reason: operation.reason,
      nodeCount: operation.nodes.length,
      readyNodeCount: progress.ready,
      waiting: progress.waiting,
      index,
    };
  }

  /**
   * The operation that a request started; a finished one without a name when there is nothing to
   * wait for.
   */
  started(options: {
    /** Empty when none was started. */
    readonly id: string;
    readonly kind: OperationKind;
    readonly index: number;
  }): Operation {
    const operation = this.#mirror.datacenter.operation(options.id as OperationId);
    if (operation !== undefined) return this.render(operation, options.index);
    return {
      name: options.id === "" ? "" : this.#names.operation(options.id),
      kind: options.kind,
      description: options.id === "" ? "nothing had to change" : "ended and no longer kept",
      status: ProtoOperationStatus.OPERATION_STATUS_SUCCEEDED,
      done: true,
      actor: "",
      started: undefined,
      ended: undefined,
      reason: "",
      nodeCount: 0,
      readyNodeCount: 0,
      waiting: [],
      index: options.index,
    };
  }

  filterFields(): readonly FilterField<OperationState>[] {
    return [
      { name: "name", kind: { type: "text" }, read: ({ id }) => this.#names.operation(id) },
      { name: "kind", kind: { type: "text" }, read: ({ kind }) => kind },
      { name: "description", kind: { type: "text" }, read: ({ description }) => description },
      { name: "actor", kind: { type: "text" }, read: ({ actor }) => actor },
      {
        name: "status",
        kind: {
          type: "choice",
          values: ["RUNNING", "SUCCEEDED", "CANCELLED"],
          prefix: "OPERATION_STATUS_",
        },
        read: ({ status }) => status.toUpperCase(),
      },
      { name: "done", kind: { type: "boolean" }, read: ({ status }) => status !== "running" },
      { name: "started", kind: { type: "time" }, read: ({ started }) => started.stampMs },
    ];
  }

  #progress(operation: OperationState): { readonly ready: number; readonly waiting: string[] } {
    if (operation.status === "succeeded") return { ready: operation.nodes.length, waiting: [] };
    let ready = 0;
    const waiting: string[] = [];
    for (const name of operation.nodes) {
      const node = this.#mirror.datacenter.node(name);
      const plan = node === undefined ? undefined : this.#nodes.plan(node);
      if (plan === undefined || plan.converged) {
        ready += 1;
      } else if (operation.status === "running" && waiting.length < WAITING_LINES_MAX) {
        waiting.push(`${name}: ${plan.condition.state}: ${plan.condition.reason}`);
      }
    }
    return { ready, waiting };
  }
}
