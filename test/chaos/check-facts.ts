/**
 * Compares what an agent took in with what the log holds of it.
 *
 * A slow and obvious model of taking facts in: between two marks of the log ("accepted up to here")
 * stand the events of exactly the facts between those positions, in their order. A fact without an
 * event must have been no news. A fact that was durable at the agent must have been accepted, or
 * taken along when the agent began anew, unless its disk was wiped later. What a twin held may be
 * gone with it, but is in the log no more than once either. Pure.
 */
import {
  applyDifference,
  type DomainEvent,
  type Fact,
  type Inventory,
  type OutboxPosition,
} from "@atoll/domain";
import { canonicalJson } from "@atoll/stdx";
import type { RecordLine } from "./record.ts";

/** An event of the log, with who caused it. */
export interface LoggedEvent {
  readonly index: number;
  readonly actor: string;
  readonly event: DomainEvent;
}

export interface FactFindings {
  readonly problems: readonly string[];
  /** Durable at the agent. */
  readonly stored: number;
  /** Of these, in the log. */
  readonly accepted: number;
  /** Durable in a life that a wipe ended before they were committed: gone with the disk. */
  readonly wiped: number;
  readonly events: number;
}

interface Life {
  readonly offered: Map<string, Fact>;
  /** Those that the log says it has taken in. */
  readonly accepted: Set<string>;
}

const START: OutboxPosition = { boot: 0, sequence: 0 };

export function checkFacts(
  node: string,
  seen: {
    readonly record: readonly RecordLine[];
    /** Of other agents that ran under its name, and are gone with their disks. */
    readonly twins?: readonly (readonly RecordLine[])[];
  },
  log: readonly LoggedEvent[],
): FactFindings {
  const { record, twins = [] } = seen;
  const lives = livesOf([...record, ...twins.flat()]);
  const model = new NodeModel(node, lives);
  for (const logged of log) model.take(logged);
  return model.findings(record, twins.flat());
}

function livesOf(record: readonly RecordLine[]): Map<string, Life> {
  const lives = new Map<string, Life>();
  for (const line of record) {
    const life: Life = lives.get(line.incarnation) ?? { offered: new Map(), accepted: new Set() };
    lives.set(line.incarnation, life);
    if (line.type === "offered") life.offered.set(keyOf(line), line.fact);
  }
  return lives;
}

class NodeModel {
  readonly #node: string;
  readonly #lives: Map<string, Life>;
  readonly #problems: string[] = [];
  readonly #marks = new Map<string, OutboxPosition>();
  readonly #services = new Map<string, string>();
  readonly #files = new Map<string, string>();
  readonly #open = new Set<string>();
  #inventory: Inventory | undefined;
  #pending: LoggedEvent[] = [];
  #events = 0;

  constructor(node: string, lives: Map<string, Life>) {
    this.#node = node;
    this.#lives = lives;
  }

  take(logged: LoggedEvent): void {
    const { event, actor, index } = logged;
    if (!("node" in event) || event.node !== this.#node) return;
    switch (event.type) {
      case "nodeDiscovered":
      case "nodeWiped":
        if (event.type === "nodeWiped") this.#forget();
        return;
      case "actionPlanned":
        this.#open.add(event.action);
        return;
      case "actionTimedOut":
      case "actionCancelled":
        this.#open.delete(event.action);
        return;
      case "factsAccepted":
        this.#accept(event.incarnation, event.through, index);
        return;
      default:
        if (actor === `agent/${this.#node}`) this.#pending.push(logged);
        else if (event.type === "actionFailed") this.#open.delete(event.action);
    }
  }

  findings(record: readonly RecordLine[], twins: readonly RecordLine[]): FactFindings {
    let accepted = 0;
    let wiped = 0;
    const stored = record.filter((line) => line.type === "stored");
    const lastOffered = new Map<string, number>();
    for (const [at, line] of record.entries()) {
      if (line.type === "offered") lastOffered.set(textOf(line.fact), at);
    }
    const wipedAt = record.findLastIndex(({ type }) => type === "wiped");
    for (const [at, line] of record.entries()) {
      if (line.type !== "stored") continue;
      const life = this.#lives.get(line.incarnation);
      const fact = life?.offered.get(keyOf(line));
      if (life?.accepted.has(keyOf(line)) === true) accepted += 1;
      else if (at < wipedAt) wiped += 1;
      else if (fact === undefined || (lastOffered.get(textOf(fact)) ?? 0) < at) {
        this.#problem(`lost: ${keyOf(line)} of ${line.incarnation}`);
      }
    }
    wiped += twins.filter((line) => {
      if (line.type !== "stored") return false;
      return this.#lives.get(line.incarnation)?.accepted.has(keyOf(line)) !== true;
    }).length;
    if (this.#pending.length > 0) this.#problem("events of facts that were never accepted");
    const problems = this.#problems;
    return { problems, stored: stored.length, accepted, wiped, events: this.#events };
  }

  /** The events before this mark must be those of the facts up to it. */
  #accept(incarnation: string, through: OutboxPosition, index: number): void {
    const events = this.#pending;
    this.#pending = [];
    this.#events += events.length;
    const before = this.#marks.get(incarnation) ?? START;
    this.#marks.set(incarnation, through);
    if (compare(through, before) <= 0) {
      this.#problem(`repeated: accepted up to ${keyOf(through)} again at ${index}`);
      return;
    }
    const life = this.#lives.get(incarnation);
    const first = through.boot === before.boot ? before.sequence + 1 : 1;
    let next = 0;
    for (let sequence = first; sequence <= through.sequence; sequence += 1) {
      const key = keyOf({ ...through, sequence });
      const fact = life?.offered.get(key);
      if (fact === undefined) {
        this.#problem(`invented: ${key} at ${index} was never offered by ${incarnation}`);
        return;
      }
      life?.accepted.add(key);
      const logged = events[next];
      const told = eventText(fact, this.#inventory);
      if (logged !== undefined && withoutNode(logged.event) === told) {
        next += 1;
        this.#learn(logged.event);
      } else if (this.#isNews(fact, told)) {
        this.#problem(`lost: ${key} was news and left no event at ${index}: ${told}`);
      }
    }
    for (const { event } of events.slice(next)) {
      this.#problem(`repeated or invented at ${index}: ${withoutNode(event)}`);
    }
  }

  #learn(event: DomainEvent): void {
    const text = withoutNode(event);
    if (event.type === "serviceStatusChanged") this.#services.set(event.service.key, text);
    else if (event.type === "serviceForgotten") this.#services.delete(event.key);
    else if (event.type === "fileStatusChanged") this.#files.set(event.file.path, text);
    else if (event.type === "fileForgotten") this.#files.delete(event.path);
    else if (event.type === "inventoryChanged") this.#inventory = event.inventory;
    else if (event.type === "inventoryOutdated") this.#inventory = undefined;
    else if (event.type === "actionSucceeded" || event.type === "actionFailed") {
      this.#open.delete(event.action);
    } else if (event.type === "agentStarted") {
      this.#services.clear();
      this.#files.clear();
      for (const service of event.services) {
        this.#services.set(service.key, textOf({ type: "serviceStatusChanged", service }));
      }
      for (const file of event.files) {
        this.#files.set(file.path, textOf({ type: "fileStatusChanged", file }));
      }
    }
  }

  #isNews(fact: Fact, told: string): boolean {
    switch (fact.type) {
      case "serviceObserved":
        return this.#services.get(fact.service.key) !== told;
      case "fileObserved":
        return this.#files.get(fact.file.path) !== told;
      case "serviceForgotten":
        return this.#services.has(fact.key);
      case "fileForgotten":
        return this.#files.has(fact.path);
      case "inventoryObserved":
      case "inventoryDiffered":
        return this.#isNewInventory(told);
      case "actionFinished":
        return this.#open.has(fact.action);
      default:
        return true;
    }
  }

  #isNewInventory(told: string): boolean {
    const known = this.#inventory;
    // That it is outdated is said when the log notices, and once.
    if (known === undefined) return told !== OUTDATED;
    return told !== textOf({ type: "inventoryChanged", inventory: known });
  }

  #forget(): void {
    this.#services.clear();
    this.#files.clear();
    this.#inventory = undefined;
    this.#open.clear();
  }

  #problem(text: string): void {
    this.#problems.push(`${this.#node}: ${text}`);
  }
}

/** What the log is to say of a fact that is news. */
const OUTDATED: string = textOf({ type: "inventoryOutdated" });

function eventText(fact: Fact, known: Inventory | undefined): string {
  switch (fact.type) {
    case "agentStarted": {
      const { agentVersion, bootId, services, files } = fact;
      return textOf({ type: "agentStarted", agentVersion, bootId, services, files });
    }
    case "inventoryObserved":
      return textOf({ type: "inventoryChanged", inventory: fact.inventory });
    case "inventoryDiffered": {
      const inventory = applyDifference(known, fact);
      return inventory === undefined ? OUTDATED : textOf({ type: "inventoryChanged", inventory });
    }
    case "serviceObserved":
      return textOf({ type: "serviceStatusChanged", service: fact.service });
    case "serviceForgotten":
      return textOf({ type: "serviceForgotten", key: fact.key });
    case "serviceRestartedAlone":
      return textOf({ type: "serviceRestartedAlone", key: fact.key, reason: fact.reason });
    case "fileObserved":
      return textOf({ type: "fileStatusChanged", file: fact.file });
    case "fileForgotten":
      return textOf({ type: "fileForgotten", path: fact.path });
    case "factsDropped": {
      const { lane, count, sinceMs } = fact;
      return textOf({ type: "factsDropped", lane, count, sinceMs });
    }
    case "actionFinished": {
      const { action, reason, durationMs, outcome } = fact;
      return outcome === "succeeded"
        ? textOf({ type: "actionSucceeded", action, durationMs })
        : textOf({ type: "actionFailed", action, reason, durationMs });
    }
  }
}

function withoutNode(event: DomainEvent): string {
  // Whether it rebooted is the log's own finding.
  return textOf({ ...event, node: undefined, rebooted: undefined });
}

/** As the log's encoding keeps it: without what is not there. */
function textOf(value: object): string {
  return canonicalJson(JSON.parse(JSON.stringify(value)));
}

/** Copies of an outbox count their boots alike: the instance tells them apart. */
function keyOf({ boot, sequence, instance }: OutboxPosition): string {
  return instance === undefined ? `${boot}.${sequence}` : `${boot}.${sequence} of ${instance}`;
}

function compare(left: OutboxPosition, right: OutboxPosition): number {
  return left.boot - right.boot || left.sequence - right.sequence;
}
