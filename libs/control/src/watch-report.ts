/**
 * What a replica tells the others, a few times a second, of the heartbeats that it hears.
 *
 * A report is a statement about the moment at which it was made, by its maker's own clock: what it
 * says of nodes are durations, never times. That a reader can trust its age follows from `heard`: a
 * report that names the reader's own report number k was made after the reader sent that.
 */
import type { AgentProcess, Claimant, DatacenterName, NodeName } from "@atoll/domain";

export interface WatchReport {
  readonly datacenter: DatacenterName;
  readonly replica: number;
  /** Drawn at the start of the process: counters of another life say nothing. */
  readonly life: number;
  /** Grows by one with each report of this life. */
  readonly counter: number;
  /** The newest report heard of each other replica. */
  readonly heard: readonly HeardReport[];
  /** Empty while it cannot hear. */
  readonly shards: readonly WatchedShard[];
  /** Servers of the bus that are there: its own, and those of nodes just heard. */
  readonly servers: readonly string[];
  /** Nodes in doubt that the log does not call lost; when there are too many, by turns. */
  readonly silent: readonly SilentNode[];
  /** Nodes just heard that the log calls suspected, lost or forgotten. */
  readonly back: readonly NodeName[];
  readonly needs: readonly NodeInNeed[];
  readonly contested: readonly ContestedNode[];
  /** What its wall clock shows; 0 when it does not say. */
  readonly realtimeMs: number;
  /** What time it is in the datacenter, as far as it knows; 0 while it does not. */
  readonly timeMs: number;
}

export interface HeardReport {
  readonly replica: number;
  readonly life: number;
  readonly counter: number;
}

export interface WatchedShard {
  readonly shard: number;
  /** For how long it has heard this shard without interruption; 0 while that is in question. */
  readonly uninterruptedMs: number;
}

export interface SilentNode {
  readonly node: NodeName;
  /** Whose silence it is: the one that the log held when this was said; empty when it held none. */
  readonly incarnation: string;
  readonly silentMs: number;
  /** Probes that it left unanswered, as many as a verdict needs at most. */
  readonly probes: number;
  /** The server of the bus by which it was last heard; empty when it never was. */
  readonly server: string;
}

/** A node whose agent does not know what is committed, or whether it is in maintenance. */
export interface NodeInNeed {
  readonly node: NodeName;
  readonly incarnation: string;
}

/** Under its name more than one agent was heard lately, or the log says so. */
export interface ContestedNode {
  readonly node: NodeName;
  /** Those heard lately. */
  readonly heard: readonly {
    readonly claimant: Claimant;
    readonly silentMs: number;
    /** It was heard again after another, more than once. */
    readonly alternates: boolean;
  }[];
}

/** What a heartbeat says, as far as watching goes. */
export interface HeartbeatView {
  readonly incarnation: string;
  readonly committed: { readonly boot: number; readonly sequence: number };
  readonly maintenance: boolean;
  readonly server: string;
  /** Absent when its agent does not name itself. */
  readonly process?: AgentProcess;
}
