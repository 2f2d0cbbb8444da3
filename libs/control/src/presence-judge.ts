/**
 * Turns what the watching replicas say into verdicts; only the leader's are decided.
 *
 * A node is suspected or lost when at least one live watcher has not heard it for so long and every
 * live one that listened without interruption agrees; nobody is judged who could not be probed, and
 * one voice that hears the node is enough. Its verdicts are commands like any other. Used by
 * `ReplicaWatch`.
 */
import type { DomainEvent, InternalCommand, NodeName, NodeState, StateView } from "@atoll/domain";
import type { DetectionSettings } from "./detection-settings.ts";
import { FaultDomains } from "./fault-domains.ts";
import { LostSight, type Silence } from "./lost-sight.ts";
import type { NamesInOrder } from "./node-round.ts";
import type { Claim, Witness } from "./watch-group.ts";

export type PresenceCommand = Extract<InternalCommand, { type: "reportPresence" | "reportSight" }>;

export class PresenceJudge {
  readonly #settings: DetectionSettings;
  readonly #shardOf: (node: string) => number;
  readonly #domains = new FaultDomains();
  readonly #sight: LostSight;

  constructor(settings: DetectionSettings, shardOf: (node: string) => number) {
    this.#settings = settings;
    this.#shardOf = shardOf;
    this.#sight = new LostSight(settings, this.#domains);
  }

  /** The state is this one; what is applied from now on is told. */
  reset(view: StateView & NamesInOrder): void {
    this.#domains.begin(view);
  }

  /** Goes on to count the nodes of another state; called at each tick. */
  countMore(view: StateView & NamesInOrder): void {
    this.#domains.countMore(view);
  }

  /** This replica leads from now on. */
  begin(nowMs: number): void {
    this.#sight.begin(nowMs);
  }

  applied(event: DomainEvent, view: StateView): void {
    this.#domains.applied(event, view);
  }

  /** None as long as it is not known how many nodes stand together. */
  verdicts(witnesses: readonly Witness[], view: StateView, nowMs: number): PresenceCommand[] {
    if (this.#domains.counting) return [];
    const most = this.#settings.verdictsPerBatchMax;
    const returned = returns(witnesses, view);
    const silences = this.#agreed(witnesses, view);
    const servers = new Set(witnesses.flatMap((witness) => witness.servers));
    const sights = this.#sight.look(silences, { servers, view, nowMs });
    const commands: PresenceCommand[] = [...sights, ...returned.slice(0, most)];
    for (const [node, { silentMs, probes }] of silences) {
      if (commands.length >= most) break;
      if (probes < this.#settings.probesMin) continue;
      const suspected = view.node(node)?.presence === "suspected";
      if (silentMs >= this.#settings.lostAfterMs) {
        commands.push({ type: "reportPresence", node, presence: "lost", silentMs });
      } else if (silentMs >= this.#settings.suspectAfterMs && !suspected) {
        commands.push({ type: "reportPresence", node, presence: "suspected", silentMs });
      }
    }
    return commands;
  }

  /** The silences on which all agree who listen; as long as the shortest that one of them saw. */
  #agreed(witnesses: readonly Witness[], view: StateView): Map<NodeName, Silence> {
    const agreed = new Map<NodeName, Silence>();
    for (const witness of witnesses) {
      for (const name of witness.silent.keys()) {
        if (agreed.has(name)) continue;
        const node = view.node(name);
        if (node === undefined || node.presence === "lost") continue;
        const silence = this.#silenceOf(node, witnesses);
        if (silence !== undefined) agreed.set(name, silence);
      }
    }
    return agreed;
  }

  #silenceOf({ name, incarnation }: NodeState, witnesses: readonly Witness[]): Silence | undefined {
    const shard = this.#shardOf(name);
    const claims: Claim[] = [];
    let steadyOthers = 0;
    let others = 0;
    for (const { uninterruptedMs, silent, back } of witnesses) {
      if (back.has(name)) return undefined;
      const claim = silent.get(name);
      // It was said of the agent before, by one that has not heard of the new one yet.
      if (claim !== undefined && claim.incarnation !== incarnation) continue;
      if (claim !== undefined) {
        claims.push(claim);
        continue;
      }
      const listenedMs = uninterruptedMs.get(shard);
      if (listenedMs === undefined) continue;
      others += 1;
      if (listenedMs >= this.#settings.lostAfterMs) steadyOthers += 1;
    }
    // One that could not listen all the time has no say, unless nobody could.
    const steady = witnesses.some(
      (witness) => (witness.uninterruptedMs.get(shard) ?? 0) >= this.#settings.lostAfterMs,
    );
    const [first] = claims;
    if (first === undefined || steadyOthers > 0 || (!steady && others > 0)) return undefined;
    return {
      silentMs: Math.min(...claims.map(({ silentMs }) => silentMs)),
      probes: Math.min(...claims.map(({ probes }) => probes)),
      server: first.server,
    };
  }
}

/** Nodes that somebody hears and the log does not call alive. */
function returns(witnesses: readonly Witness[], view: StateView): PresenceCommand[] {
  const names = new Set(witnesses.flatMap(({ back }) => [...back]));
  const commands: PresenceCommand[] = [];
  for (const node of names) {
    const state = view.node(node);
    const news = state === undefined ? view.forgottenNode(node) : state;
    if (news === undefined || state?.presence === "alive") continue;
    commands.push({ type: "reportPresence", node, presence: "alive", silentMs: 0 });
  }
  return commands;
}
