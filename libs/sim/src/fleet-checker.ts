/**
 * What a simulated fleet may never do, checked while it runs; cheap for each entry.
 *
 * One history on every replica; every observation of every service in it, once and in order; no
 * node that is there is declared lost, and who died is within its bound; no more nodes of a rack
 * are disrupted at once than may be. It follows the events, not the counting of the domain. Used by
 * `simulateFleet`, shown each entry by the first replica that applies it.
 */
import {
  type DomainEvent,
  disruptedMax,
  limitsOf,
  type LogEntry,
  type NodeName,
  type StateView,
} from "@atoll/domain";
import { Digest64 } from "@atoll/stdx";
import { DatacenterTimeChecker } from "./datacenter-time-checker.ts";
import type { FleetNode } from "./fleet-node.ts";
import type { OrchestratorHistory } from "./simulated-orchestrator.ts";
import { Violation } from "./violation.ts";

/** A node that was there for so long before its verdict was never silent long enough for one. */
const FALSE_VERDICT_MS = 2_500;
/** Of how many entries the digests are kept: no replica is further behind. */
const ENTRIES_KEPT = 400_000;

export interface FleetCounts {
  entries: number;
  events: number;
  observations: number;
  actions: number;
  disruptions: number;
  nodesLost: number;
  nodesReturned: number;
  sightsLost: number;
  storms: number;
  /** From a death to its verdict, at most: where no sight was lost and no fault struck. */
  lostAfterMsMax: number;
  /** Most nodes of one rack that were disrupted at once. */
  disruptedInRackMax: number;
}

export class FleetChecker implements OrchestratorHistory {
  readonly counts: FleetCounts = {
    entries: 0,
    events: 0,
    observations: 0,
    actions: 0,
    disruptions: 0,
    nodesLost: 0,
    nodesReturned: 0,
    sightsLost: 0,
    storms: 0,
    lostAfterMsMax: 0,
    disruptedInRackMax: 0,
  };
  /** Of everything that was logged. */
  readonly digest: Digest64 = new Digest64();
  readonly time: DatacenterTimeChecker = new DatacenterTimeChecker();
  /** Told of every event once. */
  onEvent: (event: DomainEvent, view: StateView) => void = () => undefined;
  readonly #nodes: ReadonlyMap<NodeName, FleetNode>;
  readonly #nodesPerRack: number;
  readonly #racks: ReadonlyMap<string, readonly FleetNode[]>;
  readonly #entries = new Map<number, string>();
  readonly #states = new Map<number, string>();
  readonly #logged = new Map<NodeName, number>();
  #lastIndex = 0;

  constructor(nodes: ReadonlyMap<NodeName, FleetNode>, nodesPerRack: number) {
    this.#nodes = nodes;
    this.#nodesPerRack = nodesPerRack;
    const racks = new Map<string, FleetNode[]>();
    for (const node of nodes.values()) {
      const rack = node.location.rack ?? "";
      racks.set(rack, [...(racks.get(rack) ?? []), node]);
    }
    this.#racks = racks;
  }

  applied(
    replica: number,
    index: number,
    entry: LogEntry | undefined,
    { data, view }: { readonly data: Uint8Array; readonly view: StateView },
  ): void {
    const digest = new Digest64().bytes(data).hex();
    const known = this.#entries.get(index);
    if (known !== undefined) {
      if (known === digest) return;
      throw new Violation(`replica ${replica} applied another entry at ${index}`);
    }
    if (index !== this.#lastIndex + 1) {
      throw new Violation(`index ${index} is applied before anything at ${this.#lastIndex + 1}`);
    }
    this.#entries.set(index, digest);
    this.#entries.delete(index - ENTRIES_KEPT);
    this.digest.bytes(data);
    this.#lastIndex = index;
    this.counts.entries += 1;
    if (entry !== undefined) this.time.applied(index, entry.stampMs);
    for (const { event } of entry?.events ?? []) {
      this.counts.events += 1;
      this.#event(event, view);
      this.onEvent(event, view);
    }
  }

  /** The digest of the state. */
  state(replica: number, index: number, chunks: readonly Uint8Array[]): string {
    const digest = new Digest64();
    for (const chunk of chunks) digest.bytes(chunk);
    const hex = digest.hex();
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, hex);
    else if (known !== hex)
      throw new Violation(`replica ${replica} has another state after ${index}`);
    return hex;
  }

  accused(name: NodeName, _incarnation: string, nowMs: number): void {
    const node = this.#nodes.get(name);
    if (node?.connected !== true) return;
    const forMs = nowMs - node.connectedSinceMs;
    if (forMs < FALSE_VERDICT_MS) return;
    throw new Violation(`${name} is declared lost, and was connected for ${forMs} ms`);
  }

  /** A node that died alone, while all else was well, was declared lost after so long. */
  noteLost(afterMs: number): void {
    this.counts.lostAfterMsMax = Math.max(this.counts.lostAfterMsMax, Math.round(afterMs));
  }

  /** Every observation is in the log. */
  checkComplete(): void {
    for (const { name, observations } of this.#nodes.values()) {
      const logged = this.#logged.get(name) ?? 0;
      if (logged !== observations) {
        throw new Violation(`${name} observed ${observations} times, ${logged} are in the log`);
      }
    }
  }

  #event(event: DomainEvent, view: StateView): void {
    const { counts } = this;
    switch (event.type) {
      case "serviceStatusChanged":
        return this.#observed(event.node, event.service.reason, 1);
      case "agentStarted":
        for (const { reason } of event.services) this.#observed(event.node, reason, 0);
        return;
      case "actionPlanned":
        counts.actions += 1;
        if (!event.disruptive) return;
        counts.disruptions += 1;
        return this.#checkRack(event.node, view);
      case "nodeLost":
        counts.nodesLost += 1;
        return;
      case "nodeReturned":
        counts.nodesReturned += 1;
        return;
      case "sightLost":
        counts.sightsLost += 1;
        return;
      case "stormHeld":
        counts.storms += 1;
        return;
      default:
    }
  }

  /** @param step what it must be more than before, at least; a start tells the last one again. */
  #observed(name: NodeName, reason: string, step: number): void {
    const before = this.#logged.get(name) ?? 0;
    const number = Number(reason);
    if (number < before + step || number > before + 1) {
      throw new Violation(`${name}: observation ${reason} is logged after ${before}`);
    }
    this.#logged.set(name, number);
    this.counts.observations += number - before;
  }

  #checkRack(name: NodeName, view: StateView): void {
    const rack = this.#nodes.get(name)?.location.rack ?? "";
    let disrupted = 0;
    for (const node of this.#racks.get(rack) ?? []) {
      if ((view.node(node.name)?.disrupted.size ?? 0) > 0) disrupted += 1;
    }
    this.counts.disruptedInRackMax = Math.max(this.counts.disruptedInRackMax, disrupted);
    const most = disruptedMax(this.#nodesPerRack, limitsOf(view));
    if (disrupted <= most) return;
    throw new Violation(`${disrupted} nodes of rack ${rack} are disrupted at once: ${most} may be`);
  }
}
