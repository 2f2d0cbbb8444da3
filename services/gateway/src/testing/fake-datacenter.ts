/**
 * An orchestrator without Raft: one log in memory, shown by any number of replicas over real gRPC.
 *
 * Tests choose who leads, stop and start replicas, freeze them, cut the log's beginning off, and
 * let commits happen whose answers are lost. The domain decides and evolves for real. For tests
 * only.
 */
import { encodeLogEntry, fromProtoSubmit, toProtoRejection } from "@atoll/codec";
import * as codec from "@atoll/codec";
import { ReplicatedState } from "@atoll/control";
import { decide, type DomainEvent } from "@atoll/domain";
import type {
  Call,
  FeedRequest,
  FeedResponse,
  Reply,
  SessionRequest,
  SessionResponse,
  SubmitCommand,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import {
  GetStatusResponse,
  OrchestratorServiceService,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import { type Address, CHANNEL_OPTIONS } from "@atoll/service-kit";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status as GrpcStatus,
} from "@grpc/grpc-js";

type FeedCall = ServerWritableStream<FeedRequest, FeedResponse>;
type SessionCall = ServerDuplexStream<SessionRequest, SessionResponse>;
type ReplyContent = NonNullable<Reply["reply"]>;

const POSITION_EVERY_MS = 1_000;

export class FakeDatacenter implements Disposable {
  readonly replicas: Map<number, FakeReplica> = new Map();
  readonly state: ReplicatedState = new ReplicatedState(codec);
  /** Entry i is at index i + 1. */
  readonly log: Uint8Array[] = [];
  /** The first index that is kept. */
  firstIndex = 1;
  leader = 0;
  term = 1;
  /** By default all replicas vote. */
  voters: readonly number[] | undefined;
  /** Feeds show nothing new until `releaseFeeds`. */
  feedsHeld = false;
  groupId = "atoll/dc1";
  stampMs = 1_700_000_000_000;
  /** Commands that were decided, repetitions included. */
  submits = 0;
  /** Called once before the next command is answered; `lost` loses the answer after the commit. */
  onSubmit: ((leader: FakeReplica) => "answer" | "lose" | "unknown" | "overloaded") | undefined;

  static async start(count: number): Promise<FakeDatacenter> {
    const datacenter = new FakeDatacenter();
    for (let id = 1; id <= count; id += 1) {
      const replica = new FakeReplica(id, datacenter);
      datacenter.replicas.set(id, replica);
      await replica.start();
    }
    datacenter.leader = 1;
    return datacenter;
  }

  get addresses(): ReadonlyMap<number, Address> {
    return new Map(
      [...this.replicas].map(([id, { port }]) => [
        id,
        { host: "127.0.0.1", port, text: `127.0.0.1:${port}` },
      ]),
    );
  }

  replica(id: number): FakeReplica {
    return this.replicas.get(id) as FakeReplica;
  }

  /** Another one leads, in a later term. 0: nobody. */
  elect(leader: number): void {
    this.leader = leader;
    this.term += 1;
  }

  /** Commits events; every replica that is not frozen shows them. */
  append(events: readonly DomainEvent[], actor = "test"): number {
    this.stampMs += 1;
    const entry = { stampMs: this.stampMs, events: events.map((event) => ({ event, actor })) };
    return this.#commit(events.length === 0 ? new Uint8Array(0) : encodeLogEntry(entry));
  }

  releaseFeeds(): void {
    this.feedsHeld = false;
    for (const replica of this.replicas.values()) replica.showNew();
  }

  /** Forgets everything before `index`. */
  compact(index: number): void {
    this.firstIndex = index;
  }

  /** Another group with an empty state is founded in the place of this one. */
  loseAll(groupId: string): void {
    for (const replica of this.replicas.values()) replica.breakStreams();
    this.groupId = groupId;
    this.log.length = 0;
    this.state.restore(0, []);
    this.append([]);
  }

  submit(command: SubmitCommand): ReplyContent {
    this.submits += 1;
    const decoded = fromProtoSubmit(command);
    if (decoded.type === "undecodable") {
      const { reason } = decoded;
      return { $case: "rejected", value: { code: "invalidArgument", reason, violations: [] } };
    }
    const { requestId, actor, validateOnly } = decoded.value;
    const context = { nowMs: this.stampMs, requestId, actor };
    const decision = decide(this.state.datacenter, decoded.value.command, context);
    if (decision.type === "rejected")
      return { $case: "rejected", value: toProtoRejection(decision) };
    const { events, operation } = decision;
    if (events.length > 0 && !validateOnly) this.append(events, actor);
    const index = this.state.appliedIndex;
    return { $case: "accepted", value: { index, operation: validateOnly ? "" : operation } };
  }

  [Symbol.dispose](): void {
    for (const replica of this.replicas.values()) replica.kill();
  }

  #commit(data: Uint8Array): number {
    this.log.push(data);
    this.state.apply(this.log.length, data);
    for (const replica of this.replicas.values()) replica.showNew();
    return this.log.length;
  }
}

export class FakeReplica {
  readonly id: number;
  readonly #datacenter: FakeDatacenter;
  readonly #feeds = new Map<FeedCall, number>();
  readonly #sessions = new Set<SessionCall>();
  #server: Server | undefined;
  #positions: NodeJS.Timeout | undefined;
  port = 0;
  /** Takes everything, answers nothing. */
  frozen = false;
  /** Claims to lead though it does not, in the term before. */
  deluded = false;

  constructor(id: number, datacenter: FakeDatacenter) {
    this.id = id;
    this.#datacenter = datacenter;
  }

  /** On the same port each time. */
  async start(): Promise<void> {
    const server = new Server(CHANNEL_OPTIONS);
    this.#server = server;
    server.addService(OrchestratorServiceService, {
      session: (call: SessionCall) => this.#serveSession(call),
      feed: (call: FeedCall) => this.#serveFeed(call),
      getStatus: (_call: unknown, done: sendUnaryData<GetStatusResponse>) => {
        if (!this.frozen) done(null, this.#status());
      },
    });
    this.#positions = setInterval(() => this.#showPosition(), POSITION_EVERY_MS);
    this.port = await new Promise((resolve, reject) => {
      const address = `127.0.0.1:${this.port}`;
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Breaks every connection at once. */
  kill(): void {
    clearInterval(this.#positions);
    this.breakStreams();
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  breakStreams(): void {
    const broken = { code: GrpcStatus.UNAVAILABLE, details: "broken by the test" };
    for (const call of [...this.#sessions, ...this.#feeds.keys()]) call.emit("error", broken);
    this.#sessions.clear();
    this.#feeds.clear();
  }

  showNew(): void {
    for (const call of this.#feeds.keys()) this.#showTo(call);
  }

  #serveFeed(call: FeedCall): void {
    call.on("error", () => {});
    call.on("cancelled", () => this.#feeds.delete(call));
    const { fromIndex, groupId: wanted } = call.request;
    const { state, firstIndex, groupId } = this.#datacenter;
    const foreign = wanted !== "" && wanted !== groupId;
    if (fromIndex === 0 || fromIndex < firstIndex || foreign) {
      const index = state.appliedIndex;
      const chunks = index === 0 ? [] : state.snapshot();
      for (const [at, chunk] of chunks.entries()) {
        const value = { index, chunk: Buffer.from(chunk), first: at === 0, last: false, groupId };
        call.write({ content: { $case: "snapshot", value } });
      }
      const first = chunks.length === 0;
      const end = { index, chunk: Buffer.alloc(0), first, last: true, groupId };
      call.write({ content: { $case: "snapshot", value: end } });
      this.#feeds.set(call, index + 1);
    } else {
      this.#feeds.set(call, fromIndex);
    }
    this.#showTo(call);
  }

  #showTo(call: FeedCall): void {
    if (this.frozen || this.#datacenter.feedsHeld) return;
    const next = this.#feeds.get(call) ?? Infinity;
    const { log } = this.#datacenter;
    if (next > log.length) return;
    const entries = log
      .slice(next - 1)
      .map((data, at) => ({ index: next + at, data: Buffer.from(data) }));
    this.#feeds.set(call, log.length + 1);
    call.write({ content: { $case: "entries", value: { entries } } });
  }

  #showPosition(): void {
    if (this.frozen) return;
    const value = { commitIndex: this.#datacenter.log.length, realtimeMs: Date.now() };
    for (const call of this.#feeds.keys()) call.write({ content: { $case: "position", value } });
  }

  #serveSession(call: SessionCall): void {
    this.#sessions.add(call);
    call.on("error", () => this.#sessions.delete(call));
    call.on("cancelled", () => this.#sessions.delete(call));
    call.on("data", (request: SessionRequest) => {
      const replies = request.calls.flatMap((one) => this.#answer(one));
      if (replies.length > 0 && !call.destroyed)
        call.write({ replies, groupId: this.#datacenter.groupId });
    });
  }

  #answer({ id, call }: Call): Reply[] {
    if (this.frozen || call === undefined) return [];
    const { leader, onSubmit, log } = this.#datacenter;
    if (leader !== this.id) {
      return this.deluded ? [] : [{ id, reply: { $case: "notLeader", value: { leader } } }];
    }
    if (call.$case === "readIndex") {
      return [{ id, reply: { $case: "readReady", value: { index: log.length } } }];
    }
    this.#datacenter.onSubmit = undefined;
    const fate = onSubmit?.(this) ?? "answer";
    if (fate === "overloaded") {
      return [{ id, reply: { $case: "overloaded", value: { reason: "too much" } } }];
    }
    if (this.#datacenter.leader !== this.id) {
      const hint = this.#datacenter.leader;
      return [{ id, reply: { $case: "notLeader", value: { leader: hint } } }];
    }
    const reply = this.#datacenter.submit(call.value);
    if (fate === "lose") {
      this.breakStreams();
      return [];
    }
    return [{ id, reply: fate === "unknown" ? { $case: "outcomeUnknown", value: {} } : reply }];
  }

  #status(): GetStatusResponse {
    const { leader, term, log, firstIndex } = this.#datacenter;
    const leads = leader === this.id || this.deluded;
    const status: Partial<GetStatusResponse> = {
      id: this.id,
      datacenter: "dc1",
      role: leads ? "leader" : "follower",
      term: this.deluded ? term - 1 : term,
      leader,
      firstIndex,
      lastIndex: log.length,
      commitIndex: log.length,
      appliedIndex: log.length,
      snapshotIndex: firstIndex - 1,
      peers: [],
      busConnected: true,
      groupId: this.#datacenter.groupId,
      voters: this.#datacenter.voters ?? [...this.#datacenter.replicas.keys()],
      version: "0.1.0",
      clockAheadMs: -1_500,
      timeAheadMs: 0,
    };
    return { ...GetStatusResponse.create(), ...status };
  }
}
