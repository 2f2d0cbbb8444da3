/**
 * What agents report.
 *
 * A fact is something observed, stamped by the agent's own clock for people to read; no decision
 * ever rests on that stamp. Facts of one node are numbered without gap.
 */
import type { InventoryDifference } from "./inventory-difference.ts";
import type { Inventory } from "./inventory.ts";
import type { ActionId, NodeName, ServiceKey } from "./names.ts";

/** `stopped`: on order. `crashed`: ended by itself, or could not be started. */
export type ServiceStatus = "starting" | "healthy" | "unhealthy" | "stopped" | "crashed";

export interface ServiceObservation {
  readonly key: ServiceKey;
  /** Of the specification it was started with. */
  readonly digest: string;
  readonly status: ServiceStatus;
  /** 0 when nothing runs. */
  readonly pid: number;
  /** For people: exit status, failed probe, missing program. Empty when there is nothing to say. */
  readonly reason: string;
}

export type FileStatus = "inSync" | "drifted" | "missing";

export interface FileObservation {
  readonly path: string;
  /** Of the specification it was last written with. */
  readonly digest: string;
  readonly status: FileStatus;
  /**
   * A unified diff from wanted to found, at most {@link DIFF_LENGTH_MAX}; empty when in sync or not
   * text.
   */
  readonly diff: string;
  readonly reason: string;
}

export const DIFF_LENGTH_MAX = 8_192;

/**
 * What is more urgent is reported first, and dropped last: changes of state (services, files,
 * results of actions), then inventories.
 */
export const FACT_LANES = ["state", "inventory"] as const;
export type FactLane = (typeof FACT_LANES)[number];

/** Facts that an agent had no room for: so many of one lane are lost. */
export interface DroppedFacts {
  readonly lane: FactLane;
  readonly count: number;
  /** The agent's clock when the first of them was observed, for people. */
  readonly sinceMs: number;
}

export type Fact = { readonly observedAtMs: number } &
  /** First fact of every start of the agent; replaces everything observed before it. */
  (
    | {
        readonly type: "agentStarted";
        readonly agentVersion: string;
        /** The kernel's boot id. */
        readonly bootId: string;
        /** What the agent was told to seed a new node with. */
        readonly labels: Readonly<Record<string, string>>;
        readonly services: readonly ServiceObservation[];
        readonly files: readonly FileObservation[];
      }
    | { readonly type: "inventoryObserved"; readonly inventory: Inventory }
    /** The same, as a difference to the inventory that was reported before. */
    | ({ readonly type: "inventoryDiffered" } & InventoryDifference)
    | { readonly type: "serviceObserved"; readonly service: ServiceObservation }
    /** Nothing is known or kept under this key any more. */
    | { readonly type: "serviceForgotten"; readonly key: ServiceKey }
    /** Restarted by standing order while the orchestrator was out of reach. */
    | { readonly type: "serviceRestartedAlone"; readonly key: ServiceKey; readonly reason: string }
    | { readonly type: "fileObserved"; readonly file: FileObservation }
    | { readonly type: "fileForgotten"; readonly path: string }
    | ({ readonly type: "factsDropped" } & DroppedFacts)
    | {
        readonly type: "actionFinished";
        readonly action: ActionId;
        readonly outcome: "succeeded" | "failed";
        readonly reason: string;
        /** How long the executor took. */
        readonly durationMs: number;
      }
  );

/**
 * A position in an agent's outbox. Boots count the starts of one agent data folder from 1,
 * sequences the facts of one boot from 1.
 */
export interface OutboxPosition {
  readonly boot: number;
  readonly sequence: number;
  /**
   * The instance of the agent whose boot it was: copies of one data folder count their starts
   * alike. Absent when its agent did not say.
   */
  readonly instance?: string;
}

/**
 * Consecutive facts of one boot, the first of them numbered `first.sequence`.
 *
 * `previous` is the position right before `first` in this outbox, {0, 0} at its very beginning: a
 * batch is taken only when the watermark stands exactly there or later, so neither a lost message
 * nor a lost tail of an earlier boot goes unnoticed.
 */
export interface FactBatch {
  readonly node: NodeName;
  /** Made with the agent's data folder: another one means the node was wiped. */
  readonly incarnation: string;
  readonly previous: OutboxPosition;
  readonly first: OutboxPosition;
  readonly facts: readonly Fact[];
}

export const FACTS_PER_BATCH_MAX = 256;
