/**
 * One replica's part in watching the nodes, and the leader's ear for what all of them say.
 *
 * Every replica hears its shards, probes who falls silent and reports; the leader alone turns the
 * reports into commands. A replica that stood still, or could not hear, finds that out by its own
 * ticks and by its own reports that do not come back, and gives every node its full time again. It
 * never waits and reads no clock but the given one: `tick` is called by the owner. ADR 0013.
 */
import type { DatacenterName, NodeName } from "@atoll/domain";
import type { Clock } from "@atoll/stdx";
import { judgeClaimants, type ReportClaimants } from "./claimant-judge.ts";
import type { DatacenterTime } from "./datacenter-time.ts";
import type { DetectionSettings } from "./detection-settings.ts";
import { HeartbeatWatch } from "./heartbeat-watch.ts";
import { type PresenceCommand, PresenceJudge } from "./presence-judge.ts";
import { shardsOf } from "./rendezvous.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { WatchGroup } from "./watch-group.ts";
import type { HeartbeatView, NodeInNeed, WatchedShard, WatchReport } from "./watch-report.ts";

/** What watching needs of the bus. All fire and forget. */
export interface WatchLink {
  hearShards(shards: ReadonlySet<number>): void;
  probe(node: NodeName): void;
  publish(report: WatchReport): void;
}

export interface ReplicaWatchOptions {
  readonly datacenter: DatacenterName;
  readonly replica: number;
  /** Drawn anew for each process. */
  readonly life: number;
  readonly state: ReplicatedState;
  readonly link: WatchLink;
  readonly clock: Clock;
  /** Told what the replicas' clocks show. */
  readonly time: DatacenterTime;
  readonly settings: DetectionSettings;
  readonly shards: { readonly count: number; readonly of: (node: string) => number };
  /** Undefined when the bytes are no heartbeat of this node. */
  readonly read: (node: string, payload: Uint8Array) => HeartbeatView | undefined;
}

/** For metrics. */
export interface WatchFigures {
  readonly shards: number;
  readonly nodes: number;
  /** Not heard yet since they can be. */
  readonly unheard: number;
  readonly doubted: number;
  readonly probes: number;
  readonly reports: number;
  /** Times at which it found that it had not been able to hear. */
  readonly interruptions: number;
  readonly replicas: number;
}

/** Agents to be told at most between two turns of the leader. */
const NEEDS_MAX = 10_000;

export class ReplicaWatch {
  readonly #options: ReplicaWatchOptions;
  readonly #nodes: HeartbeatWatch;
  readonly #group: WatchGroup;
  readonly #judge: PresenceJudge;
  readonly #needs = new Map<NodeName, NodeInNeed>();
  /** Since when each shard is heard. */
  #shards: ReadonlyMap<number, number> = new Map();
  /** The live replicas by which the shards were shared out. */
  #live = "";
  #view: unknown;
  #server = "";
  #leading = false;
  #news = false;
  /** Everything before was interrupted. */
  #listeningSinceMs = 0;
  #deaf = false;
  #tickedAtMs = 0;
  #lookedAtMs = 0;
  #reportedAtMs = 0;
  #probes = 0;
  #reports = 0;
  #interruptions = 0;

  constructor(options: ReplicaWatchOptions) {
    this.#options = options;
    const { replica, life, settings, shards, state, read } = options;
    const view = (): ReplicatedState["datacenter"] => state.datacenter;
    this.#nodes = new HeartbeatWatch({ settings, view, shardOf: shards.of, read });
    this.#group = new WatchGroup({ replica, life, settings });
    this.#judge = new PresenceJudge(settings, shards.of);
    this.#view = state.datacenter;
    this.#judge.reset(state.datacenter);
    this.#tickedAtMs = options.clock.monotonicMs();
    state.onApplied((_index, entry) => {
      for (const { event } of entry?.events ?? []) this.#applied(event);
    });
  }

  get figures(): WatchFigures {
    return {
      shards: this.#shards.size,
      nodes: this.#nodes.watchedCount,
      unheard: this.#nodes.unheardCount,
      doubted: this.#nodes.doubtedCount,
      probes: this.#probes,
      reports: this.#reports,
      interruptions: this.#interruptions,
      replicas: this.#group.live(this.#options.clock.monotonicMs()).length,
    };
  }

  /** The connection to the bus came or went; `server` is empty without one. */
  linkChanged(server: string): void {
    if (server === this.#server) return;
    this.#server = server;
    this.#group.disconnected();
    if (server !== "") this.#interrupted(this.#grace);
    else this.#nodes.interrupt(this.#options.clock.monotonicMs(), this.#grace);
  }

  /** False when it is no heartbeat of this node. */
  heartbeat(node: string, payload: Uint8Array): boolean {
    return this.#nodes.hear(node, payload, this.#options.clock.monotonicMs());
  }

  /**
   * The node's heartbeats come without fault and need not be heard until `attend`, as whoever calls
   * knows. For simulations of fleets whose nodes are too many to hear one by one.
   */
  dismiss(node: NodeName): void {
    this.#nodes.remove(node);
  }

  /** The node is to be heard again, in its full time. */
  attend(name: NodeName): void {
    const node = this.#options.state.datacenter.node(name);
    if (node !== undefined) this.#nodes.add(node, this.#options.clock.monotonicMs());
  }

  /** A report, own or another's, as the bus brought it. */
  report(report: WatchReport): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#group.take(report, nowMs);
    this.#news = true;
    if (!this.#leading) return;
    for (const need of report.needs) {
      if (this.#needs.size < NEEDS_MAX) this.#needs.set(need.node, need);
    }
  }

  tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { settings, state } = this.#options;
    const gapMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (gapMs > settings.stallMs) this.#interrupted(0);
    if (this.#view !== state.datacenter) {
      this.#view = state.datacenter;
      this.#nodes.reset(nowMs);
      this.#judge.reset(state.datacenter);
      if (this.#leading) this.#judge.begin(nowMs);
    } else {
      this.#nodes.goOn(nowMs);
      this.#judge.countMore(state.datacenter);
    }
    this.#options.time.observe(this.#group.clocks(nowMs));
    if (this.#server === "" || nowMs - this.#lookedAtMs < settings.lookEveryMs) return;
    this.#lookedAtMs = nowMs;
    this.#share(nowMs);
    this.#listen(nowMs);
    if (nowMs - this.#reportedAtMs >= settings.reportEveryMs) this.#report(nowMs);
  }

  /** This replica leads: it turns reports into commands until `end`. */
  begin(): void {
    this.#leading = true;
    this.#news = true;
    this.#judge.begin(this.#options.clock.monotonicMs());
  }

  end(): void {
    this.#leading = false;
    this.#needs.clear();
  }

  /** What the leader is to decide; nothing when no report came since the last call. */
  verdicts(nowMs: number): (PresenceCommand | ReportClaimants)[] {
    if (!this.#leading || !this.#news) return [];
    this.#news = false;
    const witnesses = this.#group.witnesses(nowMs);
    const view = this.#options.state.datacenter;
    const { settings, shards } = this.#options;
    return [
      ...judgeClaimants(witnesses, { view, settings, shardOf: shards.of }),
      ...this.#judge.verdicts(witnesses, view, nowMs),
    ];
  }

  /** Agents that must be told what is committed. */
  takeNeeds(): NodeInNeed[] {
    const needs = [...this.#needs.values()];
    this.#needs.clear();
    return needs;
  }

  /** How much longer nodes have when their agents may have lost the bus as well. */
  get #grace(): number {
    return this.#options.settings.regroupMs - this.#options.settings.lostAfterMs;
  }

  #interrupted(graceMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#interruptions += 1;
    this.#listeningSinceMs = nowMs;
    this.#nodes.interrupt(nowMs, graceMs);
  }

  /** Watches what falls to this replica among those that live. */
  #share(nowMs: number): void {
    const { replica, settings, shards, link } = this.#options;
    const live = this.#group.live(nowMs);
    if (live.join() === this.#live) return;
    this.#live = live.join();
    const options = { shards: shards.count, watchers: settings.watchersPerShard };
    const wanted = shardsOf(replica, live, options);
    const same = wanted.size === this.#shards.size;
    if (same && [...wanted].every((shard) => this.#shards.has(shard))) return;
    this.#shards = new Map(
      [...wanted].map((shard) => [shard, this.#shards.get(shard) ?? nowMs] as const),
    );
    link.hearShards(wanted);
    this.#nodes.watch(wanted, nowMs);
  }

  /** Looks who fell silent, as far as it could hear, and asks them. */
  #listen(nowMs: number): void {
    const { settings, link } = this.#options;
    const horizonMs = this.#group.horizonMs ?? Number.NEGATIVE_INFINITY;
    const deaf = nowMs - Math.max(horizonMs, this.#listeningSinceMs) > settings.deafAfterMs;
    if (this.#deaf && !deaf) this.#interrupted(this.#grace);
    this.#deaf = deaf;
    if (deaf || horizonMs < this.#listeningSinceMs) return;
    this.#nodes.look(horizonMs);
    for (const node of this.#nodes.takeProbes(nowMs)) {
      this.#probes += 1;
      link.probe(node);
    }
  }

  #report(nowMs: number): void {
    const { datacenter, replica, life, link, time } = this.#options;
    this.#reportedAtMs = nowMs;
    this.#reports += 1;
    const horizonMs = this.#group.horizonMs;
    const hears = !this.#deaf && horizonMs !== undefined && horizonMs >= this.#listeningSinceMs;
    link.publish({
      datacenter,
      replica,
      life,
      ...this.#group.next(nowMs),
      ...time.reading,
      shards: hears ? this.#watchedShards(horizonMs) : [],
      servers: [...new Set([this.#server, ...this.#nodes.servers(nowMs)])],
      silent: hears ? this.#nodes.silent(horizonMs) : [],
      back: this.#nodes.back(nowMs),
      needs: this.#nodes.takeNeeds(),
      contested: this.#nodes.contested(nowMs),
    });
  }

  #watchedShards(horizonMs: number): WatchedShard[] {
    const fromMs = Math.max(this.#listeningSinceMs, this.#nodes.graceUntilMs);
    return [...this.#shards].map(([shard, sinceMs]) => {
      const uninterruptedMs = Math.floor(horizonMs - Math.max(fromMs, sinceMs));
      return { shard, uninterruptedMs: Math.max(0, uninterruptedMs) };
    });
  }

  #applied(event: Parameters<PresenceJudge["applied"]>[0]): void {
    const { state, clock } = this.#options;
    const view = state.datacenter;
    this.#judge.applied(event, view);
    this.#nodes.applied(event);
    switch (event.type) {
      case "nodeDiscovered": {
        const node = view.node(event.node);
        if (node !== undefined) this.#nodes.add(node, clock.monotonicMs());
        return;
      }
      case "nodeForgotten":
        return this.#nodes.remove(event.node);
      case "nodeLost":
        return this.#nodes.lost(event.node);
      case "nodeWiped":
        return this.#nodes.replaced(event.node, clock.monotonicMs());
      case "nodeReturned":
        return this.#nodes.returned(event.node, clock.monotonicMs());
      default:
    }
  }
}
