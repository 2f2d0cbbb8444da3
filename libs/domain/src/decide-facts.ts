/**
 * Takes in what an agent reports: each fact exactly once, in order.
 *
 * The watermark of a node says up to where its facts are in the log. A batch is taken when it joins
 * or overlaps it; one that was seen before, or that leaves a gap, gives no events, and the agent
 * sends again what is missing. Facts of a copy of the data folder, numbered alike, are none of this
 * node's; and while it is open which of two agents is the node, nothing is taken in. Only changes
 * become events; that a fact was taken in without one is recorded by the watermark alone. Never
 * looks at the agent's clock. Being heard of here does not bring a silent node back: that is the
 * detector's to say, who listens to all of them in the same way.
 */
import { canonicalJson } from "@atoll/stdx";
import { cancelAll } from "./cancel-all.ts";
import { isSameInstance } from "./claimant.ts";
import type { CommandContext } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { Draft } from "./draft.ts";
import type { DomainEvent } from "./event.ts";
import { evolve } from "./evolve.ts";
import type {
  Fact,
  FactBatch,
  FileObservation,
  OutboxPosition,
  ServiceObservation,
} from "./fact.ts";
import { applyDifference } from "./inventory-difference.ts";
import { startEndedSince } from "./failures.ts";
import { serviceTarget } from "./names.ts";
import type { NodeState, StateView } from "./state.ts";

export function decideAcceptFacts(
  view: StateView,
  batch: FactBatch,
  context: CommandContext,
): Decision {
  const node = view.node(batch.node);
  if (node?.conflict !== undefined) return UNCHANGED;
  const arrival = node === undefined ? discover(view, batch) : meet(node, batch);
  const unseen = unseenFacts(arrival.watermark, batch);
  if (unseen.length === 0) return UNCHANGED;
  const recorder = new Recorder(view, context);
  for (const event of arrival.events) recorder.record(event);
  for (const fact of unseen) {
    const event = eventOf(recorder.look(), batch, fact);
    if (event !== undefined) recorder.record(event);
  }
  const through = lastPosition(batch);
  recorder.record({
    type: "factsAccepted",
    node: batch.node,
    incarnation: batch.incarnation,
    through,
  });
  return decided(recorder.events);
}

/** Negative, zero or positive: which of two positions of one outbox comes first. */
export function comparePositions(left: OutboxPosition, right: OutboxPosition): number {
  return left.boot - right.boot || left.sequence - right.sequence;
}

interface Arrival {
  /** What must be recorded before the facts. */
  readonly events: readonly DomainEvent[];
  readonly watermark: OutboxPosition;
}

const START: OutboxPosition = { boot: 0, sequence: 0 };

/** A node that is new, or was forgotten. */
function discover(view: StateView, { node, incarnation, facts }: FactBatch): Arrival {
  const kept = view.forgottenNode(node);
  const returned = kept?.incarnation === incarnation ? kept : undefined;
  const first = facts.find((fact) => fact.type === "agentStarted");
  const labels = first?.labels ?? returned?.labels ?? {};
  return {
    events: [{ type: "nodeDiscovered", node, incarnation, labels }],
    watermark: returned?.watermark ?? START,
  };
}

/**
 * A node that is known. Another incarnation is a wipe; what an earlier life sent leaves a gap after
 * START, as it does not begin there.
 */
function meet(node: NodeState, { incarnation }: FactBatch): Arrival {
  if (node.incarnation === incarnation) return { events: [], watermark: node.watermark };
  return {
    events: [
      ...cancelAll(node, "the node was wiped"),
      {
        type: "nodeWiped",
        node: node.name,
        incarnation,
        lost: node.services.size + node.files.size,
      },
    ],
    watermark: START,
  };
}

/**
 * The facts of the batch after the watermark; none when the batch leaves a gap, is of an earlier
 * boot, or of another outbox than the watermark.
 */
function unseenFacts(watermark: OutboxPosition, batch: FactBatch): readonly Fact[] {
  if (comparePositions(batch.previous, watermark) > 0) return [];
  if (batch.first.boot < watermark.boot) return [];
  if (!goesOn(watermark, batch)) return [];
  const seen =
    batch.first.boot === watermark.boot ? watermark.sequence - batch.first.sequence + 1 : 0;
  return seen <= 0 ? batch.facts : batch.facts.slice(seen);
}

/**
 * Whether the batch is of the outbox in which the watermark stands: the boot of the watermark must
 * be one of its own. An agent that learns where the watermark stands sends from there.
 */
function goesOn(watermark: OutboxPosition, { previous, first }: FactBatch): boolean {
  if (first.boot === watermark.boot) return isSameInstance(first, watermark);
  if (previous.boot === watermark.boot) return isSameInstance(previous, watermark);
  return first.instance === undefined || watermark.instance === undefined;
}

function lastPosition({ first, facts }: FactBatch): OutboxPosition {
  return { ...first, sequence: first.sequence + facts.length - 1 };
}

/** The event that a fact is, or undefined when it changes nothing. */
function eventOf(view: StateView, { node: name }: FactBatch, fact: Fact): DomainEvent | undefined {
  const node = view.node(name);
  if (node === undefined) return undefined;
  switch (fact.type) {
    case "agentStarted": {
      const { agentVersion, bootId, services, files } = fact;
      const rebooted = node.bootId !== "" && node.bootId !== bootId;
      return { type: "agentStarted", node: name, agentVersion, bootId, rebooted, services, files };
    }
    case "inventoryObserved": {
      const { inventory } = fact;
      const known = node.inventoryOutdated === true ? undefined : node.inventory?.value;
      if (known !== undefined && isEqual(known, inventory)) return undefined;
      return { type: "inventoryChanged", node: name, inventory };
    }
    case "inventoryDiffered": {
      const known = node.inventory?.value;
      const inventory = node.inventoryOutdated ? undefined : applyDifference(known, fact);
      if (inventory !== undefined) {
        if (isEqual(known, inventory)) return undefined;
        return { type: "inventoryChanged", node: name, inventory };
      }
      return node.inventoryOutdated ? undefined : { type: "inventoryOutdated", node: name };
    }
    case "serviceObserved":
      if (!isNews(view, node, fact.service)) return undefined;
      return { type: "serviceStatusChanged", node: name, service: fact.service };
    case "serviceForgotten":
      if (!node.services.has(fact.key)) return undefined;
      return { type: "serviceForgotten", node: name, key: fact.key };
    case "serviceRestartedAlone":
      return { type: "serviceRestartedAlone", node: name, key: fact.key, reason: fact.reason };
    case "fileObserved":
      if (isKnownFile(node, fact.file)) return undefined;
      return { type: "fileStatusChanged", node: name, file: fact.file };
    case "fileForgotten":
      if (!node.files.has(fact.path)) return undefined;
      return { type: "fileForgotten", node: name, path: fact.path };
    case "factsDropped": {
      const { lane, count, sinceMs } = fact;
      return { type: "factsDropped", node: name, lane, count, sinceMs };
    }
    case "actionFinished":
      return resultOf(view, node, fact);
  }
}

/** A result counts while the action is open. After that only what is observed counts. */
function resultOf(
  view: StateView,
  node: NodeState,
  fact: Extract<Fact, { type: "actionFinished" }>,
): DomainEvent | undefined {
  const action = view.action(fact.action);
  if (action === undefined || action.node !== node.name || action.status !== "planned")
    return undefined;
  const { durationMs, reason } = fact;
  return fact.outcome === "succeeded"
    ? { type: "actionSucceeded", node: node.name, action: action.id, durationMs }
    : { type: "actionFailed", node: node.name, action: action.id, reason, durationMs };
}

function isNews(view: StateView, node: NodeState, seen: ServiceObservation): boolean {
  const known = node.services.get(seen.key);
  if (known === undefined) return true;
  const same =
    known.status === seen.status &&
    known.pid === seen.pid &&
    known.digest === seen.digest &&
    known.reason === seen.reason;
  if (!same) return true;
  // Crashed as before, but a start has been tried in between: it crashed once more.
  return (
    seen.status === "crashed" &&
    startEndedSince(view, node, serviceTarget(seen.key), known.since.index)
  );
}

function isKnownFile(node: NodeState, seen: FileObservation): boolean {
  const known = node.files.get(seen.path);
  return (
    known !== undefined &&
    known.status === seen.status &&
    known.digest === seen.digest &&
    known.diff === seen.diff &&
    known.reason === seen.reason
  );
}

function isEqual(left: unknown, right: unknown): boolean {
  return canonicalJson(left) === canonicalJson(right);
}

/**
 * Collects events, and shows what those so far made of the node, so that the next fact is compared
 * with that. Most batches are one fact: nothing is laid over the view before somebody looks.
 */
class Recorder {
  readonly events: DomainEvent[] = [];
  readonly #view: StateView;
  readonly #nowMs: number;
  #draft: Draft | undefined;
  /** So many of the events are in the draft. */
  #drafted = 0;

  constructor(view: StateView, context: CommandContext) {
    this.#view = view;
    this.#nowMs = context.nowMs;
  }

  record(event: DomainEvent): void {
    this.events.push(event);
  }

  /** The state with all events so far. */
  look(): StateView {
    if (this.events.length === 0) return this.#view;
    this.#draft ??= new Draft(this.#view);
    for (; this.#drafted < this.events.length; this.#drafted += 1) {
      const offset = this.#drafted;
      // Later than everything in the log: the index that the entry will get is not known yet.
      const at = { index: Number.MAX_SAFE_INTEGER, offset, stampMs: this.#nowMs };
      evolve(this.#draft, this.events[offset] as DomainEvent, at, "");
    }
    return this.#draft;
  }
}
