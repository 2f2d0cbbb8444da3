/**
 * Which nodes changed at which index, for watches that begin or go on.
 *
 * Remembers the last change of each node that exists and of those forgotten not long ago. Knows
 * nothing from before the state that the mirror began with: going on from there means beginning
 * anew.
 */
import type { NodeName } from "@atoll/domain";
import { affectedNodes } from "@atoll/planner";
import type { Mirror } from "../islands/mirror.ts";

/** How many forgotten nodes are remembered. */
const FORGOTTEN_MAX = 10_000;

export class NodeChanges {
  readonly #mirror: Mirror;
  readonly #listeners = new Set<(name: NodeName) => void>();
  /** In order of their last change, the latest last. */
  #changedAt = new Map<NodeName, number>();
  #forgottenAt = new Map<NodeName, number>();
  #allChangedAt = 0;
  /** Changes after this index are known. */
  #knownAfter: number;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
    this.#knownAfter = mirror.appliedIndex;
    mirror.onRestored(() => this.#restored());
    mirror.onApplied((index, entry) => {
      for (const { event } of entry?.events ?? []) {
        const affected = affectedNodes(event);
        if (affected.type === "all") this.#allChanged(index);
        else if (affected.type === "node") this.#changed(affected.node, index);
        else if (affected.type === "faultDomain") {
          for (const name of mirror.datacenter.ailingNodes(affected.faultDomain)) {
            this.#changed(name, index);
          }
        }
      }
    });
  }

  /** Nodes that changed or were forgotten after `index`; undefined when that is not known. */
  since(index: number): Iterable<NodeName> | undefined {
    if (index < this.#knownAfter || index > this.#mirror.appliedIndex) return undefined;
    const names = new Set<NodeName>();
    for (const [name, at] of this.#forgottenAt) if (at > index) names.add(name);
    if (this.#allChangedAt > index) {
      for (const name of this.all()) names.add(name);
    } else {
      for (const [name, at] of this.#changedAt) if (at > index) names.add(name);
    }
    return names;
  }

  /** Every node there is. */
  *all(): Iterable<NodeName> {
    for (const { name } of this.#mirror.datacenter.nodes()) yield name;
  }

  /** Every node there is or was, as far as that is remembered. */
  *allEver(): Iterable<NodeName> {
    yield* this.all();
    for (const { name } of this.#mirror.datacenter.forgottenNodes()) yield name;
  }

  /** Told of each node that changes. */
  subscribe(listener: (name: NodeName) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #changed(name: NodeName, index: number): void {
    this.#changedAt.delete(name);
    this.#forgottenAt.delete(name);
    if (this.#mirror.datacenter.node(name) === undefined) this.#forgotten(name, index);
    else this.#changedAt.set(name, index);
    for (const listener of this.#listeners) listener(name);
  }

  #forgotten(name: NodeName, index: number): void {
    this.#forgottenAt.set(name, index);
    if (this.#forgottenAt.size <= FORGOTTEN_MAX) return;
    const [oldest] = this.#forgottenAt;
    if (oldest === undefined) return;
    this.#forgottenAt.delete(oldest[0]);
    this.#knownAfter = Math.max(this.#knownAfter, oldest[1]);
  }

  #allChanged(index: number): void {
    this.#allChangedAt = index;
    for (const name of this.all()) for (const listener of this.#listeners) listener(name);
  }

  #restored(): void {
    const before = new Set([...this.#changedAt.keys(), ...this.#forgottenAt.keys()]);
    this.#changedAt = new Map();
    this.#forgottenAt = new Map();
    this.#knownAfter = this.#mirror.appliedIndex;
    // What is gone since must be told as well.
    for (const name of [...before, ...this.all()]) {
      for (const listener of this.#listeners) listener(name);
    }
  }
}
