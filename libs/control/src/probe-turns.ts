/**
 * Whose turn it is to be probed, of the nodes that are silent, within a rate.
 *
 * First come those who may be judged: they are asked until they answer or are lost. The others are
 * asked now and then whether they are back: they are lost, or get no verdict for a while, and
 * however many they are, nobody waits for them. Reads no clock, and never asks one node more often
 * than it may. Used by `HeartbeatWatch`.
 */
import { type NodeName, sightsOf, type StateView } from "@atoll/domain";
import type { DetectionSettings } from "./detection-settings.ts";
import type { HeartbeatView } from "./watch-report.ts";

/** A silent node. */
export interface Probed {
  readonly name: NodeName;
  readonly heartbeat: HeartbeatView | undefined;
  /** When it was probed in this silence: the first times, as many as a verdict needs. */
  probes: number[];
  probedAtMs: number;
}

export class ProbeTurns<T extends Probed> {
  readonly #settings: DetectionSettings;
  readonly #view: () => StateView;
  /** In each the one that waits longest comes first. */
  readonly #urgent = new Map<NodeName, T>();
  readonly #patient = new Map<NodeName, T>();
  #left = 0;
  #atMs = 0;

  constructor(options: { readonly settings: DetectionSettings; readonly view: () => StateView }) {
    this.#settings = options.settings;
    this.#view = options.view;
  }

  /** It fell silent. */
  add(node: T): void {
    this.#urgent.set(node.name, node);
  }

  delete({ name }: T): void {
    this.#urgent.delete(name);
    this.#patient.delete(name);
  }

  clear(): void {
    this.#urgent.clear();
    this.#patient.clear();
  }

  /** The nodes to be probed now, as far as the rate allows. */
  take(nowMs: number): NodeName[] {
    const { probeEveryMs, probePatientlyEveryMs, probesPerSecondMax } = this.#settings;
    const sinceMs = Math.min(1_000, nowMs - this.#atMs);
    const most = Math.ceil(probesPerSecondMax / 10);
    this.#atMs = nowMs;
    this.#left = Math.min(most, this.#left + (sinceMs * probesPerSecondMax) / 1_000);
    return [
      ...this.#ask(this.#urgent, probeEveryMs, nowMs),
      ...this.#ask(this.#patient, probePatientlyEveryMs, nowMs),
    ];
  }

  #ask(queue: Map<NodeName, T>, everyMs: number, nowMs: number): NodeName[] {
    const names: NodeName[] = [];
    for (const node of queue.values()) {
      if (this.#left < 1 || nowMs - node.probedAtMs < everyMs) break;
      this.#left -= 1;
      if (node.probes.length < this.#settings.probesMin) node.probes.push(nowMs);
      node.probedAtMs = nowMs;
      queue.delete(node.name);
      (this.#hasTime(node) ? this.#patient : this.#urgent).set(node.name, node);
      names.push(node.name);
    }
    return names;
  }

  /** It is lost, or sight was lost of the place or the server by which it would be heard. */
  #hasTime({ name, heartbeat }: T): boolean {
    const view = this.#view();
    const node = view.node(name);
    if (node === undefined || node.presence === "lost") return true;
    if (sightsOf(view, node).length > 0) return true;
    const bus = `bus/${heartbeat?.server ?? ""}`;
    return [...view.sights()].some(({ domain }) => domain === bus);
  }
}
