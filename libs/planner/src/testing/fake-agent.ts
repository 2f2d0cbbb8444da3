/**
 * An agent in memory: carries out orders as it is told to behave, and says what came of them.
 *
 * For tests of the planner only. It keeps what a node has, and numbers its facts like a real agent.
 */
import type {
  ActionState,
  Fact,
  FactBatch,
  FileObservation,
  NodeName,
  Order,
  OutboxPosition,
  RenderedService,
  ServiceKey,
  ServiceObservation,
  ServiceStatus,
} from "@atoll/domain";

type Untimed<T> = T extends unknown ? Omit<T, "observedAtMs"> : never;
/** A fact without the agent's stamp, which nothing depends on. */
export type BareFact = Untimed<Fact>;

/** What happens to orders for one target; the default is that they succeed. */
export type Behaviour =
  | { readonly type: "succeed" }
  /** The order fails; a service is seen crashed. */
  | { readonly type: "fail"; readonly reason: string }
  /** The service starts, is healthy, and crashes at once. */
  | { readonly type: "crash"; readonly reason: string }
  /** The service starts and stays in that status. */
  | { readonly type: "stay"; readonly status: ServiceStatus; readonly reason: string }
  /** Nothing is ever heard of the order. */
  | { readonly type: "silent" };

export class FakeAgent {
  readonly node: NodeName;
  readonly incarnation: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly services = new Map<ServiceKey, ServiceObservation>();
  readonly files = new Map<string, FileObservation>();
  readonly behaviours = new Map<string, Behaviour>();
  #position: OutboxPosition = { boot: 0, sequence: 0 };
  #pid = 100;

  constructor(node: NodeName, incarnation: string, labels: Readonly<Record<string, string>>) {
    this.node = node;
    this.incarnation = incarnation;
    this.labels = labels;
  }

  /** The agent's process begins anew; what it manages goes on. */
  start(): FactBatch {
    return this.batch(
      [
        {
          type: "agentStarted",
          agentVersion: "1.0.0",
          bootId: "boot",
          labels: this.labels,
          services: [...this.services.values()],
          files: [...this.files.values()],
        },
      ],
      this.#position.boot + 1,
    );
  }

  batch(facts: readonly BareFact[], boot: number = this.#position.boot): FactBatch {
    const previous = this.#position;
    const begun = boot === previous.boot ? previous.sequence : 0;
    this.#position = { boot, sequence: begun + facts.length };
    const stamped = facts.map((fact) => ({ ...fact, observedAtMs: 0 }) as Fact);
    const first = { boot, sequence: begun + 1 };
    return { node: this.node, incarnation: this.incarnation, previous, first, facts: stamped };
  }

  see(service: ServiceObservation): BareFact {
    this.services.set(service.key, service);
    return { type: "serviceObserved", service };
  }

  seeFile(file: FileObservation): BareFact {
    this.files.set(file.path, file);
    return { type: "fileObserved", file };
  }

  /**
   * What the agent reports while and after it carries out an action; nothing when it stays
   * silent.
   */
  execute(action: ActionState): readonly BareFact[] {
    const behaviour = this.behaviours.get(action.target) ?? { type: "succeed" };
    if (behaviour.type === "silent") return [];
    if (behaviour.type === "fail") return this.#fail(action, behaviour.reason);
    const { before, after } = this.#carryOut(action.order, behaviour);
    return [...before, finished(action, "succeeded", ""), ...after];
  }

  #fail(action: ActionState, reason: string): readonly BareFact[] {
    const { order } = action;
    const seen = "service" in order ? [this.#seeRun(order.service, "crashed", reason)] : [];
    return [...seen, finished(action, "failed", reason)];
  }

  #carryOut(
    order: Order,
    behaviour: Behaviour,
  ): { readonly before: readonly BareFact[]; readonly after: readonly BareFact[] } {
    switch (order.type) {
      case "writeFile": {
        const { path, digest } = order.file;
        const file: FileObservation = { path, digest, status: "inSync", diff: "", reason: "" };
        return { before: [this.seeFile(file)], after: [] };
      }
      case "removeFile":
        this.files.delete(order.path);
        return { before: [{ type: "fileForgotten", path: order.path }], after: [] };
      case "stopService":
        this.services.delete(order.key);
        return { before: [{ type: "serviceForgotten", key: order.key }], after: [] };
      case "startService":
      case "restartService": {
        const { service } = order;
        if (behaviour.type === "stay") {
          const { status, reason } = behaviour;
          return { before: [this.#seeRun(service, status, reason)], after: [] };
        }
        const before = [this.#seeRun(service, "healthy", "")];
        if (behaviour.type !== "crash") return { before, after: [] };
        return { before, after: [this.#seeRun(service, "crashed", behaviour.reason)] };
      }
    }
  }

  #seeRun({ key, digest }: RenderedService, status: ServiceStatus, reason: string): BareFact {
    const runs = status !== "crashed" && status !== "stopped";
    if (runs) this.#pid += 1;
    return this.see({ key, digest, status, pid: runs ? this.#pid : 0, reason });
  }
}

function finished(action: ActionState, outcome: "succeeded" | "failed", reason: string): BareFact {
  return { type: "actionFinished", action: action.id, outcome, reason, durationMs: 5 };
}
