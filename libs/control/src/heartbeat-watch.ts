/**
 * The nodes whose heartbeats this replica watches, and how long each has been silent.
 *
 * A heartbeat costs the same however many nodes there are, and one that says what the last one said
 * is not even decoded. Silence is counted up to a moment that the owner gives: up to there it could
 * certainly hear. A node waits in one of two queues, heard and not yet heard, in order of time;
 * those in doubt are looked at one by one, and probed. It judges nobody. Used by `ReplicaWatch`.
 */
import {
  type DomainEvent,
  type NodeName,
  nodeOf,
  type NodeState,
  type StateView,
} from "@atoll/domain";
import { ClaimantWatch } from "./claimant-watch.ts";
import type { DetectionSettings } from "./detection-settings.ts";
import { knowsDirective, mustHear } from "./directive.ts";
import { HeardServers } from "./heard-servers.ts";
import { NodeQueue } from "./node-queue.ts";
import { type NamesInOrder, NodeRound } from "./node-round.ts";
import { ProbeTurns } from "./probe-turns.ts";
import { isSameBytes } from "./same-bytes.ts";
import type { ContestedNode, HeartbeatView, NodeInNeed, SilentNode } from "./watch-report.ts";
import { NOTHING_SAID, type WatchedNode, watchedNode } from "./watched-node.ts";

export interface HeartbeatWatchOptions {
  readonly settings: DetectionSettings;
  readonly view: () => StateView & NamesInOrder;
  readonly shardOf: (node: string) => number;
  /** Undefined when the bytes are no heartbeat of this node. */
  readonly read: (node: string, payload: Uint8Array) => HeartbeatView | undefined;
}

/** Names from outside that are remembered at most; more are dropped until there is room. */
const REMEMBERED_MAX = 10_000;
/** When other shards are watched, so many nodes are looked at in one turn; the rest in the next. */
const ADDED_PER_TURN_MAX = 1_000;
/** Of those that are watched so many are looked at in one turn for whom to drop. */
const DROPPED_PER_TURN_MAX = 2_000;

export class HeartbeatWatch {
  readonly #options: HeartbeatWatchOptions;
  readonly #nodes = new Map<string, WatchedNode>();
  #heard = new NodeQueue<WatchedNode>();
  #unheard = new NodeQueue<WatchedNode>();
  /** In no queue. */
  readonly #doubted = new Map<NodeName, WatchedNode>();
  readonly #probes: ProbeTurns<WatchedNode>;
  readonly #back = new Map<NodeName, number>();
  readonly #needs = new Map<NodeName, string>();
  readonly #servers: HeardServers;
  /** Looks for nodes in the shards that are watched now. */
  readonly #round = new NodeRound();
  #claimants: ClaimantWatch;
  #shards: ReadonlySet<number> = new Set();
  /** Looks for nodes in shards that are watched no more. */
  #leaving: IterableIterator<WatchedNode> | undefined;
  #turn: IterableIterator<WatchedNode> | undefined;
  /** Nodes that were not heard have time until here. */
  #graceUntilMs = 0;
  /** Raised by what may make every agent's knowledge old. */
  #changes = 1;

  constructor(options: HeartbeatWatchOptions) {
    this.#options = options;
    this.#claimants = new ClaimantWatch(options.settings);
    this.#servers = new HeardServers(options.settings.doubtAfterMs);
    this.#probes = new ProbeTurns(options);
  }

  get watchedCount(): number {
    return this.#nodes.size;
  }

  /** Nodes that were not heard since they can be, and whose time is not up. */
  get unheardCount(): number {
    return this.#unheard.size;
  }

  get doubtedCount(): number {
    return this.#doubted.size;
  }

  get graceUntilMs(): number {
    return this.#graceUntilMs;
  }

  /** Watches the nodes in these shards and no others; new ones get their full time. */
  watch(shards: ReadonlySet<number>, nowMs: number): void {
    // Whoever is left of an earlier change would be taken for watched all the time.
    while (this.#leaving !== undefined) this.#dropMore();
    const before = this.#shards;
    this.#shards = shards;
    this.#leaving = this.#nodes.values();
    this.#dropMore();
    if ([...shards].every((shard) => before.has(shard))) return;
    this.#round.hurry();
    this.#addMore(nowMs);
  }

  /** Goes on to drop and to add nodes as shards came and went; called at each tick. */
  goOn(nowMs: number): void {
    this.#dropMore();
    this.#addMore(nowMs);
  }

  #dropMore(): void {
    for (let left = DROPPED_PER_TURN_MAX; this.#leaving !== undefined && left > 0; left -= 1) {
      const next = this.#leaving.next();
      if (next.done === true) this.#leaving = undefined;
      else if (!this.#shards.has(next.value.shard)) this.remove(next.value.name);
    }
  }

  #addMore(nowMs: number): void {
    if (!this.#round.hurries) return;
    const view = this.#options.view();
    for (const name of this.#round.take(view, ADDED_PER_TURN_MAX)) {
      if (!this.#shards.has(this.#options.shardOf(name))) continue;
      const node = view.node(name);
      if (node !== undefined) this.add(node, nowMs);
    }
  }

  /** Another state: begins anew. */
  reset(nowMs: number): void {
    this.#nodes.clear();
    this.#leaving = undefined;
    this.#heard = new NodeQueue<WatchedNode>();
    this.#unheard = new NodeQueue<WatchedNode>();
    this.#doubted.clear();
    this.#turn = undefined;
    this.#probes.clear();
    this.#claimants = new ClaimantWatch(this.#options.settings);
    this.#round.hurry();
    this.#addMore(nowMs);
  }

  /** It could not hear for a while: every node gets its full time, and `graceMs` more. */
  interrupt(nowMs: number, graceMs: number): void {
    this.#graceUntilMs = Math.max(this.#graceUntilMs, nowMs + graceMs);
    for (const node of this.#nodes.values()) {
      if (node.queue === undefined && !this.#doubted.has(node.name)) continue;
      this.#putAway(node);
      this.#expect(node, nowMs);
      if (graceMs === 0) continue;
      // It may come back by another server of the bus.
      node.said = NOTHING_SAID;
      node.heartbeat = undefined;
      node.knownIn = 0;
    }
  }

  add({ name, presence, conflict }: NodeState, nowMs: number): void {
    const shard = this.#options.shardOf(name);
    if (!this.#shards.has(shard) || this.#nodes.has(name)) return;
    const node = watchedNode(name, shard, nowMs);
    this.#nodes.set(name, node);
    if (conflict !== undefined) this.#claimants.contest(name);
    // Nothing more can be said of a lost one until it is heard.
    if (presence !== "lost") this.#expect(node, nowMs);
  }

  remove(name: NodeName): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#putAway(node);
    this.#nodes.delete(name);
    this.#claimants.forget(name);
  }

  /** The log calls it lost. */
  lost(name: NodeName): void {
    const node = this.#nodes.get(name);
    if (node !== undefined && this.#doubted.has(name)) this.#putAway(node);
  }

  /** The log says that it is back: somebody heard it. */
  returned(name: NodeName, nowMs: number): void {
    const node = this.#nodes.get(name);
    if (node === undefined || node.queue !== undefined || this.#doubted.has(name)) return;
    this.#expect(node, nowMs);
  }

  /** Another agent is the node: how long the one before was silent says nothing of it. */
  replaced(name: NodeName, nowMs: number): void {
    const node = this.#nodes.get(name);
    if (node === undefined || (node.queue === undefined && !this.#doubted.has(name))) return;
    this.#putAway(node);
    this.#expect(node, nowMs);
  }

  /** Takes a heartbeat in. False when it is none. */
  hear(name: string, payload: Uint8Array, nowMs: number): boolean {
    const node = this.#nodes.get(name);
    if (node === undefined) return this.#hearStranger(name, payload, nowMs);
    const repeated = isSameBytes(node.said, payload);
    const alone = !this.#claimants.has(node.name);
    if (repeated && alone && node.knownIn === this.#changes) {
      node.spokeAtMs = nowMs;
      this.#heardNow(node, nowMs);
      return true;
    }
    const before = node.heartbeat;
    if (!repeated) {
      const heartbeat = this.#options.read(name, payload);
      if (heartbeat === undefined) return false;
      node.said = payload.slice();
      node.heartbeat = heartbeat;
    }
    const { heartbeat } = node;
    if (heartbeat === undefined) return true;
    if (!repeated || !alone) {
      const last = before && { heartbeat: before, atMs: node.spokeAtMs };
      this.#claimants.hear(node.name, last, { heartbeat, atMs: nowMs });
    }
    node.spokeAtMs = nowMs;
    const view = this.#options.view();
    const state = view.node(node.name);
    if (state === undefined) return true;
    const own = state.incarnation === heartbeat.incarnation;
    if (!own && mustHear(state, heartbeat)) {
      remember(this.#needs, node.name, heartbeat.incarnation);
    }
    const counts =
      own || state.conflict !== undefined || this.#claimants.awaits(node.name, heartbeat);
    if (!counts) return true;
    this.#heardNow(node, nowMs);
    const knows = own && knowsDirective(view, state, heartbeat);
    node.knownIn = knows && state.presence === "alive" ? this.#changes : 0;
    if (state.presence !== "alive") remember(this.#back, node.name, nowMs);
    // One that learns as usual says something new each time; of several none does, in turn.
    const settled = repeated || state.conflict !== undefined;
    if (own && settled && !knows) remember(this.#needs, node.name, heartbeat.incarnation);
    return true;
  }

  /** The log says something new: the next heartbeats of whom it concerns are held against that. */
  applied(event: DomainEvent): void {
    this.#claimants.applied(event, this.#options.view());
    if (event.type === "actionsPaused" || event.type === "actionsResumed") this.#changes += 1;
    const name = nodeOf(event);
    const node = name === undefined ? undefined : this.#nodes.get(name);
    if (node === undefined) return;
    node.knownIn = 0;
  }

  /** Under which names more than one agent is heard, or the log says so, and who it is. */
  contested(nowMs: number): ContestedNode[] {
    return this.#claimants.contested(nowMs, (name) => {
      const node = this.#nodes.get(name);
      return node?.heartbeat && { heartbeat: node.heartbeat, atMs: node.spokeAtMs };
    });
  }

  /** Puts those in doubt that were silent for too long, counted up to `untilMs`. */
  look(untilMs: number): void {
    const { doubtAfterMs } = this.#options.settings;
    for (const queue of [this.#heard, this.#unheard]) {
      for (let node = queue.head; node !== undefined; node = queue.head) {
        if (untilMs - node.heardAtMs < doubtAfterMs) break;
        queue.remove(node);
        this.#doubted.set(node.name, node);
        this.#probes.add(node);
      }
    }
  }

  /** The nodes to be probed now, in turn, as far as the bound allows. */
  takeProbes(nowMs: number): NodeName[] {
    return this.#probes.take(nowMs);
  }

  /** Those in doubt; when there are more than fit into a report, the next ones each time. */
  silent(untilMs: number): SilentNode[] {
    const view = this.#options.view();
    const found = new Map<NodeName, SilentNode>();
    // A later probe may be under way still, or its answer.
    const answeredUntilMs = untilMs - this.#options.settings.answerWithinMs;
    const most = Math.min(this.#doubted.size, this.#options.settings.nodesPerReportMax);
    let restarts = 0;
    while (found.size < most && restarts < 2) {
      this.#turn ??= this.#doubted.values();
      const next = this.#turn.next();
      if (next.done === true) {
        this.#turn = undefined;
        restarts += 1;
        continue;
      }
      const node = next.value;
      if (!this.#shards.has(node.shard)) continue;
      found.set(node.name, {
        node: node.name,
        incarnation: view.node(node.name)?.incarnation ?? "",
        silentMs: Math.max(0, Math.floor(untilMs - node.heardAtMs)),
        probes: node.probes.filter((atMs) => atMs <= answeredUntilMs).length,
        server: node.heartbeat?.server ?? "",
      });
    }
    return [...found.values()];
  }

  /** Those just heard that the log does not call alive. */
  back(nowMs: number): NodeName[] {
    const { doubtAfterMs, nodesPerReportMax } = this.#options.settings;
    const view = this.#options.view();
    const found: NodeName[] = [];
    for (const [name, heardAtMs] of this.#back) {
      const state = view.node(name);
      const wanted =
        state === undefined ? view.forgottenNode(name) !== undefined : state.presence !== "alive";
      if (!wanted || nowMs - heardAtMs >= doubtAfterMs) this.#back.delete(name);
      else if (found.length < nodesPerReportMax) found.push(name);
    }
    return found;
  }

  takeNeeds(): NodeInNeed[] {
    const found: NodeInNeed[] = [];
    for (const [node, incarnation] of this.#needs) {
      if (found.length >= this.#options.settings.needsPerReportMax) break;
      this.#needs.delete(node);
      found.push({ node, incarnation });
    }
    return found;
  }

  /** Servers of the bus by which a node was heard lately. */
  servers(untilMs: number): string[] {
    return this.#servers.lately(untilMs);
  }

  /**
   * A node that was forgotten and is heard is back. One that the log never held has an agent that
   * may believe otherwise.
   */
  #hearStranger(name: string, payload: Uint8Array, nowMs: number): boolean {
    const view = this.#options.view();
    // Of a shard that is watched no more.
    if (view.node(name as NodeName) !== undefined) return true;
    const heartbeat = this.#options.read(name, payload);
    if (heartbeat === undefined) return false;
    const node = name as NodeName;
    const forgotten = view.forgottenNode(node);
    if (forgotten?.incarnation === heartbeat.incarnation) remember(this.#back, node, nowMs);
    if (forgotten === undefined && heartbeat.committed.boot > 0) {
      remember(this.#needs, node, heartbeat.incarnation);
    }
    return true;
  }

  #heardNow(node: WatchedNode, nowMs: number): void {
    this.#putAway(node);
    node.heardAtMs = nowMs;
    this.#heard.append(node);
    this.#servers.note(node.heartbeat?.server ?? "", nowMs);
  }

  #expect(node: WatchedNode, nowMs: number): void {
    node.heardAtMs = Math.max(nowMs, this.#graceUntilMs);
    this.#unheard.append(node);
  }

  /** Out of wherever it is; its silence is over. */
  #putAway(node: WatchedNode): void {
    if (node.queue !== undefined) node.queue.remove(node);
    else if (this.#doubted.delete(node.name)) this.#probes.delete(node);
    if (node.probes.length > 0) node.probes = [];
    node.probedAtMs = 0;
  }
}

function remember<V>(map: Map<NodeName, V>, name: NodeName, value: V): void {
  if (map.size < REMEMBERED_MAX || map.has(name)) map.set(name, value);
}
