/**
 * What a simulated agent has on its disk, as the protocol demands of it: outbox, journal, identity.
 *
 * It survives crashes of the agent; a wipe replaces it, and a twin has a copy. No two disks have
 * the same id, copies neither. Used by `SimulatedNode`.
 */
import { FACTS_PER_BATCH_MAX, fileTarget, serviceTarget } from "@atoll/domain";
import type {
  ActionId,
  Fact,
  FileObservation,
  NodeState,
  OutboxPosition,
  ServiceKey,
  ServiceObservation,
  TargetKey,
} from "@atoll/domain";

export interface Stored {
  readonly position: OutboxPosition;
  readonly previous: OutboxPosition;
  readonly fact: Fact;
}

export const NOWHERE: OutboxPosition = { boot: 0, sequence: 0 };

export class SimulatedAgentDisk {
  /** What no copy shares. */
  readonly id: string;
  incarnation: string;
  boot = 0;
  last: OutboxPosition = NOWHERE;
  committed: OutboxPosition = NOWHERE;
  outbox: Stored[] = [];
  term = 0;
  readonly generations: Map<TargetKey, number> = new Map();
  /** Action → whether its result has been stored. */
  readonly journal: Map<ActionId, boolean> = new Map();
  readonly withdrawn: Set<ActionId> = new Set();
  readonly services: Map<ServiceKey, ServiceObservation> = new Map();
  readonly files: Map<string, FileObservation> = new Map();
  /** By boot. */
  readonly #instances = new Map<number, string>();
  #lives = 1;

  constructor(id: string) {
    this.id = id;
    this.incarnation = `${id}-life-1`;
  }

  /** Of the start that runs, or ran last. */
  get instance(): string {
    return this.#instances.get(this.boot) ?? "";
  }

  beginBoot(): void {
    this.boot += 1;
    this.#instances.set(this.boot, `${this.id}.${this.boot}`);
  }

  store(fact: Fact): void {
    const { boot, instance, last: previous } = this;
    const sequence = previous.boot === boot ? previous.sequence + 1 : 1;
    this.last = { boot, sequence, instance };
    this.outbox.push({ position: this.last, previous, fact });
  }

  /** The log has everything up to here. */
  forget(committed: OutboxPosition): void {
    if (!isAfter(committed, this.committed)) return;
    this.committed = committed;
    this.outbox = this.outbox.filter(({ position }) => isAfter(position, committed));
  }

  /** The first fact of a start. */
  started(observedAtMs: number, labels: Readonly<Record<string, string>>): Fact {
    const [services, files] = [[...this.services.values()], [...this.files.values()]];
    const about = { agentVersion: "simulated", bootId: `boot-${this.boot}`, labels };
    return { type: "agentStarted", observedAtMs, ...about, services, files };
  }

  targets(): TargetKey[] {
    const services = [...this.services.keys()].map(serviceTarget);
    return [...services, ...[...this.files.keys()].map(fileTarget)];
  }

  /** Whether the log goes on with what this disk holds, and not with a twin's. */
  isHeldBy(node: Pick<NodeState, "incarnation" | "watermark"> | undefined): boolean {
    return node?.incarnation === this.incarnation && !this.isForeign(node.watermark);
  }

  /** Whether a position was given by a copy. */
  isForeign({ boot, instance }: OutboxPosition): boolean {
    return instance !== undefined && this.#instances.get(boot) !== instance;
  }

  /** Another incarnation, in which nothing is committed; what was not is taken along. */
  startOver(): void {
    const facts = this.outbox.map(({ fact }) => fact);
    const { instance } = this;
    this.#lives += 1;
    this.incarnation = `${this.id}-life-${this.#lives}`;
    this.last = NOWHERE;
    this.committed = NOWHERE;
    this.outbox = [];
    this.generations.clear();
    this.journal.clear();
    this.withdrawn.clear();
    this.#instances.clear();
    this.boot += 1;
    this.#instances.set(this.boot, instance);
    for (const fact of facts) this.store(fact);
  }

  /** A disk with the same content. */
  copy(id: string): SimulatedAgentDisk {
    const copy = new SimulatedAgentDisk(id);
    copy.incarnation = this.incarnation;
    copy.boot = this.boot;
    copy.last = this.last;
    copy.committed = this.committed;
    copy.outbox = [...this.outbox];
    copy.term = this.term;
    for (const [boot, instance] of this.#instances) copy.#instances.set(boot, instance);
    for (const [target, generation] of this.generations) copy.generations.set(target, generation);
    for (const [action, finished] of this.journal) copy.journal.set(action, finished);
    for (const action of this.withdrawn) copy.withdrawn.add(action);
    for (const [key, service] of this.services) copy.services.set(key, service);
    for (const [path, file] of this.files) copy.files.set(path, file);
    return copy;
  }
}

export function isAfter(position: OutboxPosition, than: OutboxPosition): boolean {
  return (
    position.boot > than.boot || (position.boot === than.boot && position.sequence > than.sequence)
  );
}

/** Runs of one boot, each within the bound of a batch. */
export function batches(stored: readonly Stored[]): Stored[][] {
  const found: Stored[][] = [];
  for (const one of stored) {
    const current = found.at(-1);
    const last = current?.at(-1);
    const joins =
      last?.position.boot === one.position.boot && (current?.length ?? 0) < FACTS_PER_BATCH_MAX;
    if (joins) current?.push(one);
    else found.push([one]);
  }
  return found;
}
