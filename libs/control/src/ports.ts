/**
 * What control needs from the outside.
 *
 * All by callback and synchronous: services and the simulator drive the same code. Adapters live in
 * the orchestrator.
 */
import type {
  ActionState,
  Datacenter,
  FactBatch,
  InternalCommand,
  LogEntry,
  NodeName,
  NodeState,
  OperationId,
  OutboxPosition,
  Rejection,
  StreamPosition,
  UserCommand,
} from "@atoll/domain";
import type { NodeInNeed } from "./watch-report.ts";

/** Turns domain values into the bytes of the log and back. Implemented by codec. */
export interface LogCodec {
  encodeLogEntry(entry: LogEntry): Uint8Array;
  decodeLogEntry(data: Uint8Array): LogEntry;
  /** Deterministic: equal states give equal bytes. */
  encodeSnapshot(state: Datacenter): Uint8Array[];
  /** The same bytes, each chunk encoded when it is asked for. */
  snapshotChunks(state: Datacenter): IterableIterator<Uint8Array>;
  snapshotReader(): SnapshotReader;
}

/** Builds a state from the bytes of its snapshot, cut anywhere. */
export interface SnapshotReader {
  take(chunk: Uint8Array): void;
  /** The state; throws when bytes are missing. */
  finish(): Datacenter;
}

export type ProposeOutcome =
  /** Committed and applied here. */
  | { readonly type: "committed"; readonly index: number }
  /** Certainly not in the log. */
  | { readonly type: "refused" }
  /** It may or may not be in the log. */
  | { readonly type: "unknown" };

/** The replicated log, as the leader writes to it. */
export interface Log {
  propose(data: Uint8Array, done: (outcome: ProposeOutcome) => void): void;
  /** Calls back with true once a quorum has confirmed that this replica still leads. */
  confirmLeadership(done: (confirmed: boolean) => void): void;
}

export type OrderReply =
  | { readonly type: "accepted" }
  /** The agent has seen a newer leader. */
  | { readonly type: "staleTerm" }
  /** It will never run. */
  | { readonly type: "refused"; readonly reason: string }
  /** To a withdrawal: it has not begun and never will. */
  | { readonly type: "withdrawn" }
  /** To a withdrawal: it runs or has ended. */
  | { readonly type: "begun" }
  /** No answer: it may have arrived. */
  | { readonly type: "silent" };

export interface Directive {
  readonly term: number;
  readonly incarnation: string;
  readonly committed: OutboxPosition;
  readonly maintenance: boolean;
  readonly inventoryWanted?: boolean;
  readonly contested?: boolean;
  readonly left?: { readonly incarnation: string; readonly committed: OutboxPosition };
}

/** How the leader speaks to agents. */
export interface AgentLink {
  sendOrder(
    order: {
      readonly term: number;
      readonly node: NodeState;
      readonly action: ActionState;
      readonly timeoutMs: number;
    },
    done: (reply: OrderReply) => void,
  ): void;
  /** Asks the agent never to begin the action. */
  sendWithdrawal(
    withdrawal: {
      readonly term: number;
      readonly node: NodeState;
      readonly action: ActionState;
    },
    done: (reply: OrderReply) => void,
  ): void;
  sendDirective(node: NodeName, directive: Directive): void;
  /** The stream may forget everything up to here: it is in the log. */
  forgetFacts(through: StreamPosition): void;
}

/** What the leader tells its owner, for logs and metrics. Must not call back. */
export interface LeaderObserver {
  batchCommitted(batch: {
    readonly index: number;
    readonly events: number;
    readonly messages: number;
    readonly commands: number;
    /** For each fact: from its observation, by its agent's clock, until it is in the state. */
    readonly factAgesMs: readonly number[];
  }): void;
  orderAnswered(action: ActionState, reply: OrderReply): void;
}

export interface SubmitOptions {
  readonly actor: string;
  readonly requestId: string;
  /** Decides and answers, changes nothing. */
  readonly validateOnly: boolean;
}

export type SubmitOutcome =
  | { readonly type: "accepted"; readonly index: number; readonly operation: OperationId | "" }
  | Rejection
  /** Certainly nothing happened here. */
  | { readonly type: "notLeader" }
  /** It may have happened: repeat with the same request id. */
  | { readonly type: "unknown" }
  | { readonly type: "overloaded"; readonly reason: string };

export type SubmitDone = (outcome: SubmitOutcome) => void;

export interface PendingCommand {
  readonly command: UserCommand;
  readonly options: SubmitOptions;
  readonly done: SubmitDone;
}

/** A message of the stream. */
export interface FactMessage {
  readonly sequence: number;
  /** Called once, when its turn comes; undefined when it is not ours or not whole. */
  readonly read: () => FactBatch | undefined;
}

/** Who watches the nodes for the leader. */
export interface PresenceSource {
  /** This replica leads from now on. */
  begin(): void;
  end(): void;
  /** What is to be decided about nodes' presence. Cheap when there is no news. */
  verdicts(nowMs: number): readonly InternalCommand[];
  /** Agents that do not know what is committed. */
  takeNeeds(): readonly NodeInNeed[];
}
