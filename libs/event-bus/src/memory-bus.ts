/**
 * A whole bus in memory, for the simulator and for tests: the server's end and its faults.
 *
 * Nothing happens by itself: a scheduler that is passed in decides when things arrive, so that a
 * run is the same for the same seed. Keeps the promises of the port and no more: it can lose stored
 * messages, be replaced by an empty stream, and cut its clients off.
 */
import { BusError } from "./bus-error.ts";
import { STREAM_BYTES_MAX } from "./limits.ts";
import { MemoryAgent } from "./memory-agent.ts";
import type { AgentServer } from "./memory-agent.ts";
import type { BusScheduler, InFlight, MemoryLink } from "./memory-link.ts";
import { MemoryOrchestrator } from "./memory-orchestrator.ts";
import type { Beat, OrchestratorServer } from "./memory-orchestrator.ts";
import { MemoryStream } from "./memory-stream.ts";
import type { AgentBus, OrchestratorBus, StreamMessage } from "./port.ts";

export interface MemoryBusOptions {
  /** What the stream holds before it refuses. Default {@link STREAM_BYTES_MAX}. */
  readonly streamBytesMax?: number;
}

export class MemoryBus implements AgentServer, OrchestratorServer {
  readonly #scheduler: BusScheduler;
  readonly #streamBytesMax: number;
  readonly #agents = new Set<MemoryAgent>();
  readonly #orchestrators = new Set<MemoryOrchestrator>();
  #stream: MemoryStream;
  #streamsCreated = 1;
  #running = true;

  constructor(scheduler: BusScheduler, options: MemoryBusOptions = {}) {
    this.#scheduler = scheduler;
    this.#streamBytesMax = options.streamBytesMax ?? STREAM_BYTES_MAX;
    this.#stream = new MemoryStream("memory-1", this.#streamBytesMax);
  }

  /**
   * A new connection of the agent of `node`. Two with one name are two agents that claim one node.
   */
  agent(node: string): AgentBus {
    const agent = new MemoryAgent(this.#scheduler, this, node);
    this.#agents.add(agent);
    return agent;
  }

  /** A new connection of an orchestrator; `scheduler` when it has a time of its own. */
  orchestrator(scheduler: BusScheduler = this.#scheduler): OrchestratorBus {
    const orchestrator = new MemoryOrchestrator(scheduler, this);
    this.#orchestrators.add(orchestrator);
    return orchestrator;
  }

  /** Ends the server: every client is disconnected until {@link start}. The stream stays. */
  stopServer(inFlight: InFlight = "lost"): void {
    this.#running = false;
    for (const link of this.#links()) link.disconnect("the server is stopped", inFlight);
  }

  startServer(): void {
    this.#running = true;
    for (const link of this.#links()) link.connect();
  }

  /** Cuts one client off until {@link heal}. */
  cut(client: AgentBus | OrchestratorBus, inFlight: InFlight = "lost"): void {
    this.#linkOf(client)?.cut(inFlight);
  }

  heal(client: AgentBus | OrchestratorBus): void {
    this.#linkOf(client)?.heal();
  }

  /** Deletes the stream and everything in it; a new one with sequences from 1 takes its place. */
  replaceStream(): void {
    this.#streamsCreated += 1;
    this.#stream = new MemoryStream(`memory-${this.#streamsCreated}`, this.#streamBytesMax);
    this.#wakeReadings();
  }

  /** A power failure: the server restarts without the newest `count` stored messages. */
  loseTail(count: number): void {
    this.stopServer("lost");
    this.#stream.loseTail(count);
    this.startServer();
  }

  /** Damage in the middle: stored messages for which `lost` holds are gone, unnoticed. */
  loseWhere(lost: (message: StreamMessage) => boolean): void {
    this.#stream.loseWhere(lost);
  }

  /** How many messages are stored. */
  get storedCount(): number {
    return this.#stream.size;
  }

  reachable(): boolean {
    return this.#running;
  }

  stream(): MemoryStream {
    return this.#stream;
  }

  store(node: string, payload: Uint8Array): BusError | undefined {
    if (!this.#stream.append(node, payload)) {
      return new BusError("STREAM_FULL", `the stream holds ${this.#streamBytesMax} bytes at most`);
    }
    this.#wakeReadings();
    return undefined;
  }

  heartbeat(node: string, payload: Uint8Array): void {
    for (const orchestrator of this.#orchestrators) orchestrator.heartbeat(node, payload);
  }

  /** Heartbeats that come at the same moment, with the shards they go into. */
  heartbeats(beats: readonly Beat[]): void {
    for (const orchestrator of this.#orchestrators) orchestrator.heartbeats(beats);
  }

  forget(created: string, sequence: number): void {
    if (created === this.#stream.created) this.#stream.forget(sequence);
  }

  directive(node: string, payload: Uint8Array): void {
    for (const agent of this.#agents) if (agent.node === node) agent.directive(payload);
  }

  order(node: string, payload: Uint8Array, reply: (payload: Uint8Array) => void): boolean {
    let found = false;
    for (const agent of this.#agents) {
      if (agent.node !== node || !agent.listens) continue;
      found = true;
      agent.order(payload, reply);
    }
    return found;
  }

  probe(node: string, answer: (heartbeat: Uint8Array) => void): void {
    for (const agent of this.#agents) if (agent.node === node) agent.probe(answer);
  }

  watch(replica: number, payload: Uint8Array): void {
    for (const orchestrator of this.#orchestrators) orchestrator.watch(replica, payload);
  }

  #wakeReadings(): void {
    for (const orchestrator of this.#orchestrators) orchestrator.streamChanged();
  }

  /** The links of all clients; those that were closed are let go. */
  #links(): MemoryLink[] {
    for (const agent of [...this.#agents]) if (agent.link.ended) this.#agents.delete(agent);
    for (const orchestrator of [...this.#orchestrators]) {
      if (orchestrator.link.ended) this.#orchestrators.delete(orchestrator);
    }
    return [...this.#agents, ...this.#orchestrators].map((client) => client.link);
  }

  #linkOf(client: AgentBus | OrchestratorBus): MemoryLink | undefined {
    for (const known of [...this.#agents, ...this.#orchestrators]) {
      if (known === client) return known.link;
    }
    return undefined;
  }
}
