/**
 * The path between agents and the orchestrator of one datacenter, as both sides need it.
 *
 * Bytes only: what they mean is the codec's. Everything is by callback, so that a simulated bus can
 * decide when things happen. Adapters: event-bus-nats; in memory: `memory-bus.ts`, for the
 * simulator and for tests. Every adapter passes `contract.ts`.
 *
 * Facts go through a bounded stream that may lose what it acknowledged; heartbeats, directives and
 * orders are not stored at all. Nothing above this port may rely on more.
 */

export type Unsubscribe = () => void;

/** Told at every change, and once at the start. */
export interface ConnectionState {
  readonly connected: boolean;
  /** For people; empty when connected. */
  readonly reason: string;
  /** How the server that it is connected to calls itself; empty when not connected. */
  readonly server: string;
  /** Its own address as the server sees it; absent when not connected, or not told. */
  readonly address?: string;
}

/** What an agent does on the bus. It can only speak and listen as its own node. */
export interface AgentBus {
  /**
   * Puts one message into the stream. `done` gets undefined once the stream has stored it, or an
   * error: then it may or may not be stored. A repetition is stored again: who reads tells it from
   * news by what it says.
   */
  publishFacts(payload: Uint8Array, done: (error: Error | undefined) => void): void;
  /** Fire and forget; dropped when not connected. */
  publishHeartbeat(payload: Uint8Array): void;
  /** The handler must answer each order once by `reply`, at once or later. */
  onOrder(
    handler: (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void,
  ): Unsubscribe;
  onDirective(handler: (payload: Uint8Array) => void): Unsubscribe;
  /** Somebody has not heard this node: the handler answers with a heartbeat, at once. */
  onProbe(handler: (answer: (heartbeat: Uint8Array) => void) => void): Unsubscribe;
  onConnection(handler: (state: ConnectionState) => void): Unsubscribe;
  close(): Promise<void>;
}

/**
 * A message as it stands in the stream. `node` is from the subject, which the server has checked,
 * not from the payload.
 */
export interface StreamMessage {
  readonly node: string;
  readonly payload: Uint8Array;
  readonly sequence: number;
}

export interface StreamBatch {
  /**
   * When the stream was created, as the server says. Another value: another stream, its sequences
   * start anew.
   */
  readonly created: string;
  /** In order, without gap but for what the stream itself lost. */
  readonly messages: readonly StreamMessage[];
}

/** What the orchestrator does on the bus. */
export interface OrchestratorBus {
  /**
   * Delivers the stream behind `after` (from its beginning when the stream is another one, or
   * `after` is absent), batch by batch: the next one follows only after `ready()` was called.
   * Survives reconnects. One reading at a time.
   */
  readFacts(
    after: { readonly created: string; readonly sequence: number } | undefined,
    handler: (batch: StreamBatch, ready: () => void) => void,
  ): Unsubscribe;
  /** Lets the stream forget everything up to and including `sequence`. Best effort. */
  forgetFacts(created: string, sequence: number): void;
  /**
   * From now on the heartbeats of nodes in these shards are delivered, and no others. None at
   * first; survives reconnects.
   */
  hearShards(shards: ReadonlySet<number>): void;
  /** Heartbeats of the shards heard, and answers to probes. `node` is from the subject. */
  onHeartbeat(handler: (node: string, payload: Uint8Array) => void): Unsubscribe;
  /** Asks an agent for a heartbeat now. Fire and forget: the answer is heard like any other. */
  probe(node: string): void;
  /** Tells all replicas, this one included, what was seen of heartbeats. Fire and forget. */
  publishWatch(replica: number, payload: Uint8Array): void;
  onWatch(handler: (replica: number, payload: Uint8Array) => void): Unsubscribe;
  /** Fire and forget. */
  sendDirective(node: string, payload: Uint8Array): void;
  /** `done` gets the reply, or undefined when none came in time or nobody listens. */
  sendOrder(
    node: string,
    payload: Uint8Array,
    timeoutMs: number,
    done: (reply: Uint8Array | undefined) => void,
  ): void;
  /** Whether everything works, the stream included. */
  onConnection(handler: (state: ConnectionState) => void): Unsubscribe;
  /** The connection alone: what is not stored needs no more. */
  onLink(handler: (state: ConnectionState) => void): Unsubscribe;
  close(): Promise<void>;
}

/** The largest payload that any adapter takes. Larger ones are refused at once. */
export const PAYLOAD_BYTES_MAX = 786_432;
