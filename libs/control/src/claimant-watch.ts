/**
 * Who speaks under each name, where it is more than one.
 *
 * An agent that restarts, or is installed anew, takes over from the one before: its predecessor is
 * never heard again. Two that run at the same time are heard by turns. So a claimant counts as
 * alternating once it was heard again after another, and again a while later: what was held up on
 * its way and arrives in one burst is no turn. The one that a conflict ended with is known to be
 * the node before the log has its facts. It holds nothing of nodes that have one agent, as the log
 * says. Used by `HeartbeatWatch`.
 */
import type { Claimant, DomainEvent, NodeName, StateView } from "@atoll/domain";
import type { DetectionSettings } from "./detection-settings.ts";
import type { ContestedNode, HeartbeatView } from "./watch-report.ts";

interface Voice {
  readonly key: string;
  readonly claimant: Claimant;
  heardAtMs: number;
  /** When it was first heard again after another. */
  returnedAtMs: number | undefined;
  alternates: boolean;
}

/** A heartbeat that was heard. */
export interface Heard {
  readonly heartbeat: HeartbeatView;
  readonly atMs: number;
}

/** Names under which more than one agent speaks; more are passed over until there is room. */
const NAMES_MAX = 10_000;
/** Agents under one name; past it the one heard longest ago is dropped. */
const VOICES_MAX = 8;

export class ClaimantWatch {
  readonly #settings: DetectionSettings;
  /** By name, in the order in which they were heard last. */
  readonly #names = new Map<NodeName, Voice[]>();
  /** Names that the log calls contested. */
  readonly #contested = new Set<NodeName>();
  /** The incarnations that conflicts ended with, while the log holds another. */
  readonly #awaited = new Map<NodeName, string>();

  constructor(settings: DetectionSettings) {
    this.#settings = settings;
  }

  /** An agent was heard under a name; `before` is what was heard under it last. */
  hear(name: NodeName, before: Heard | undefined, now: Heard): void {
    let voices = this.#names.get(name);
    if (voices === undefined) {
      if (before === undefined || keyOf(before.heartbeat) === keyOf(now.heartbeat)) return;
      if (this.#names.size >= NAMES_MAX) return;
      voices = [voiceOf(before)];
      this.#names.set(name, voices);
    }
    const key = keyOf(now.heartbeat);
    const at = voices.findIndex((voice) => voice.key === key);
    const [known] = at < 0 ? [] : voices.splice(at, 1);
    // It spoke last as well when nobody stood behind it.
    if (known !== undefined && at < voices.length) this.#return(known, now.atMs);
    if (known !== undefined) known.heardAtMs = now.atMs;
    voices.push(known ?? voiceOf(now));
    if (voices.length > VOICES_MAX) voices.shift();
    this.#prune(name, voices, now.atMs);
  }

  has(name: NodeName): boolean {
    return this.#names.has(name);
  }

  /** It is watched no more. */
  forget(name: NodeName): void {
    this.#names.delete(name);
    this.#contested.delete(name);
  }

  /** The log calls it contested. */
  contest(name: NodeName): void {
    this.#contested.add(name);
  }

  /** What the log says of any node, also of those that others watch; `view` is what it led to. */
  applied(event: DomainEvent, view: StateView): void {
    switch (event.type) {
      case "identityConflict":
        this.#awaited.delete(event.node);
        return this.contest(event.node);
      case "identityConflictEnded": {
        const { node, remaining } = event;
        this.#contested.delete(node);
        if (view.node(node)?.incarnation === remaining.incarnation) return;
        return void this.#awaited.set(node, remaining.incarnation);
      }
      case "nodeWiped":
        return void this.#awaited.delete(event.node);
      case "nodeForgotten":
        this.#awaited.delete(event.node);
        return this.forget(event.node);
      default:
    }
  }

  /** Whether it is the one that a conflict ended with, and its facts are not in the log yet. */
  awaits(name: NodeName, { incarnation }: HeartbeatView): boolean {
    return this.#awaited.get(name) === incarnation;
  }

  /**
   * Who was heard lately under names that are or may be contested. `lastHeard` says who it was
   * where there are not several.
   */
  contested(nowMs: number, lastHeard: (name: NodeName) => Heard | undefined): ContestedNode[] {
    const { contestedPerReportMax, claimantGoneMs } = this.#settings;
    const found: ContestedNode[] = [];
    for (const [node, voices] of [...this.#names]) {
      this.#prune(node, voices, nowMs);
      if (!this.#names.has(node)) continue;
      if (found.length < contestedPerReportMax) {
        found.push({ node, heard: voices.map((voice) => heardOf(voice, nowMs)) });
      }
    }
    for (const node of this.#contested) {
      const heard = this.#names.has(node) ? undefined : lastHeard(node);
      if (heard === undefined || nowMs - heard.atMs >= claimantGoneMs) continue;
      if (found.length >= contestedPerReportMax) break;
      found.push({ node, heard: [heardOf(voiceOf(heard), nowMs)] });
    }
    return found;
  }

  #return(voice: Voice, nowMs: number): void {
    voice.returnedAtMs ??= nowMs;
    if (nowMs - voice.returnedAtMs >= this.#settings.claimantTurnMs) voice.alternates = true;
  }

  /** Forgets who was silent for too long; one alone is nothing to remember. */
  #prune(name: NodeName, voices: Voice[], nowMs: number): void {
    while (nowMs - (voices[0]?.heardAtMs ?? nowMs) >= this.#settings.claimantGoneMs) voices.shift();
    if (voices.length < 2) this.#names.delete(name);
  }
}

function voiceOf({ heartbeat, atMs }: Heard): Voice {
  const { incarnation, process } = heartbeat;
  const unnamed = { instance: incarnation, host: "", bootId: "", pid: 0, address: "" };
  const claimant = { incarnation, process: process ?? unnamed };
  const key = keyOf(heartbeat);
  return { key, claimant, heardAtMs: atMs, returnedAtMs: undefined, alternates: false };
}

function heardOf(voice: Voice, nowMs: number): ContestedNode["heard"][number] {
  const { claimant, heardAtMs, alternates } = voice;
  return { claimant, silentMs: Math.max(0, Math.floor(nowMs - heardAtMs)), alternates };
}

/** An agent that does not name itself is told by its incarnation. */
function keyOf({ incarnation, process }: HeartbeatView): string {
  return process?.instance ?? incarnation;
}
