/**
 * What the replicas of a group say of the heartbeats they hear, and how fresh that is.
 *
 * Freshness needs no clock but the own one: a report that names our report number k was made after
 * we sent that. So what waited in a queue, here or there, while somebody stood still is old,
 * however it looks. Our own report that comes back says up to when we could certainly hear: the bus
 * keeps the order, so whatever it had for us before has been taken in. Used by `ReplicaWatch`.
 */
import type { NodeName } from "@atoll/domain";
import type { ClockReading } from "./datacenter-time.ts";
import type { DetectionSettings } from "./detection-settings.ts";
import type { ContestedNode, HeardReport, SilentNode, WatchReport } from "./watch-report.ts";

/** A silence as one replica sees it. */
export interface Claim extends SilentNode {
  /** It was made after this moment. */
  readonly madeAfterMs: number;
}

/** A replica that watches, by its newest report that is fresh. */
export interface Witness {
  readonly replica: number;
  readonly uninterruptedMs: ReadonlyMap<number, number>;
  readonly servers: readonly string[];
  readonly silent: ReadonlyMap<NodeName, Claim>;
  readonly back: ReadonlySet<NodeName>;
  readonly contested: ReadonlyMap<NodeName, ContestedNode["heard"]>;
  /** Undefined when it says nothing of its clocks. */
  readonly clock: ClockReading | undefined;
}

interface Peer {
  life: number;
  counter: number;
  heardAtMs: number;
  madeAfterMs: number;
  witness: Witness | undefined;
}

/** Own reports whose time of sending is known. */
const SENT_MAX = 256;
/** More replicas than a group ever has; a report of one more is not taken in. */
const PEERS_MAX = 32;
/** Whoever is silent for this long is forgotten. */
const FORGET_AFTER_MS = 60_000;

export class WatchGroup {
  readonly #replica: number;
  readonly #life: number;
  readonly #settings: DetectionSettings;
  readonly #peers = new Map<number, Peer>();
  readonly #sentAtMs = new Map<number, number>();
  #counter = 0;
  #horizonMs: number | undefined;

  constructor(options: {
    readonly replica: number;
    readonly life: number;
    readonly settings: DetectionSettings;
  }) {
    this.#replica = options.replica;
    this.#life = options.life;
    this.#settings = options.settings;
  }

  /** Up to when this replica could certainly hear; undefined before its first report came back. */
  get horizonMs(): number | undefined {
    return this.#horizonMs;
  }

  /** The connection is another one: what was sent over the old one says nothing of it. */
  disconnected(): void {
    this.#sentAtMs.clear();
    this.#horizonMs = undefined;
  }

  /** The counter of the next own report, which is sent now, and what it says of the others'. */
  next(nowMs: number): { readonly counter: number; readonly heard: readonly HeardReport[] } {
    this.#counter += 1;
    this.#sentAtMs.set(this.#counter, nowMs);
    this.#sentAtMs.delete(this.#counter - SENT_MAX);
    const heard: HeardReport[] = [];
    for (const [replica, { life, counter, heardAtMs }] of this.#peers) {
      if (nowMs - heardAtMs > FORGET_AFTER_MS) this.#peers.delete(replica);
      else if (replica !== this.#replica) heard.push({ replica, life, counter });
    }
    return { counter: this.#counter, heard };
  }

  /** Takes in a report as the bus brought it. */
  take(report: WatchReport, nowMs: number): void {
    const { replica, life, counter } = report;
    const own = replica === this.#replica;
    // Another process under our number: Raft will not let it be; here it is passed over.
    if (own && life !== this.#life) return;
    const peer = this.#peerOf(report, nowMs);
    if (peer === undefined) return;
    const madeAfterMs = this.#sentAtMs.get(own ? counter : this.#ownCounterIn(report));
    if (madeAfterMs === undefined) return;
    if (own) this.#horizonMs = madeAfterMs;
    peer.madeAfterMs = madeAfterMs;
    peer.witness = {
      ...witnessOf(report, madeAfterMs, this.#kept(peer.witness, report, nowMs)),
      clock: clockIn(report, nowMs),
    };
  }

  /** The replicas that live, this one among them, by number. */
  live(nowMs: number): number[] {
    const found = [this.#replica];
    for (const [replica, peer] of this.#peers) {
      if (replica !== this.#replica && this.#isFresh(peer, nowMs)) found.push(replica);
    }
    return found.toSorted((left, right) => left - right);
  }

  /** Who can be believed at this moment. */
  witnesses(nowMs: number): Witness[] {
    const found: Witness[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.witness !== undefined && this.#isFresh(peer, nowMs)) found.push(peer.witness);
    }
    return found;
  }

  /** What the others' clocks show, beside the own monotonic one. */
  clocks(nowMs: number): ClockReading[] {
    const found: ClockReading[] = [];
    for (const { replica, clock } of this.witnesses(nowMs)) {
      if (clock !== undefined && replica !== this.#replica) found.push(clock);
    }
    return found;
  }

  #isFresh({ madeAfterMs }: Peer, nowMs: number): boolean {
    return nowMs - madeAfterMs <= this.#settings.replicaLiveMs;
  }

  /** Undefined when it is older than one that was taken in. */
  #peerOf({ replica, life, counter }: WatchReport, nowMs: number): Peer | undefined {
    const known = this.#peers.get(replica);
    if (known?.life === life && counter <= known.counter) return undefined;
    if (known?.life === life) {
      known.counter = counter;
      known.heardAtMs = nowMs;
      return known;
    }
    if (known === undefined && this.#peers.size >= PEERS_MAX) return undefined;
    const madeAfterMs = Number.NEGATIVE_INFINITY;
    const peer: Peer = { life, counter, heardAtMs: nowMs, madeAfterMs, witness: undefined };
    this.#peers.set(replica, peer);
    return peer;
  }

  #ownCounterIn({ heard }: WatchReport): number {
    const own = heard.find(({ replica, life }) => replica === this.#replica && life === this.#life);
    return own?.counter ?? 0;
  }

  /** Claims that stay: of a report that could not name all, those made a short while ago. */
  #kept(witness: Witness | undefined, report: WatchReport, nowMs: number): Claim[] {
    if (witness === undefined || report.silent.length < this.#settings.nodesPerReportMax) return [];
    return [...witness.silent.values()].filter(
      ({ madeAfterMs }) => nowMs - madeAfterMs <= this.#settings.replicaLiveMs,
    );
  }
}

function clockIn({ replica, realtimeMs, timeMs }: WatchReport, nowMs: number): Witness["clock"] {
  if (realtimeMs === 0) return undefined;
  const timeAheadMs = timeMs === 0 ? undefined : timeMs - nowMs;
  return { replica, wallAheadMs: realtimeMs - nowMs, timeAheadMs };
}

function witnessOf(
  report: WatchReport,
  madeAfterMs: number,
  kept: readonly Claim[],
): Omit<Witness, "clock"> {
  const silent = new Map<NodeName, Claim>();
  for (const claim of kept) silent.set(claim.node, claim);
  for (const each of report.silent) silent.set(each.node, { ...each, madeAfterMs });
  const { replica, servers, shards } = report;
  const uninterruptedMs = new Map(shards.map((each) => [each.shard, each.uninterruptedMs]));
  const contested = new Map(report.contested.map(({ node, heard }) => [node, heard]));
  return { replica, uninterruptedMs, servers, silent, back: new Set(report.back), contested };
}
