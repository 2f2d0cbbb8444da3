/**
 * Carries messages between the replicas of one group over gRPC.
 *
 * One long-lived stream per ordered pair: the receiver opens it, the sender writes batched frames.
 * Never fails towards Raft: what cannot be sent is dropped and counted. Tells at once when an
 * established stream breaks, in either direction, since that is how a killed leader is noticed
 * before any timeout. Made by the composition root, which adds `raftServiceDefinition` with
 * `handlers()` to its server and chooses the credentials; there are no default ones.
 */
import {
  Metadata,
  status,
  type ChannelCredentials,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { assert, type Clock, type Prng } from "@atoll/stdx";
import type { PeerTransport } from "@atoll/raft-replica";
import type { Message, ReplicaId } from "raft-ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { PROTOCOL_VERSION } from "./frame-layout.ts";
import { PeerReceiver } from "./peer-receiver.ts";
import { PeerSender, type FrameStream } from "./peer-sender.ts";
import { readHello, type Hello } from "./raft-service.ts";

/** What TLS knows of a caller: its certificate among others. */
export type CallerContext = ReturnType<FrameStream["getAuthContext"]>;

export interface GrpcPeerTransportOptions {
  readonly self: ReplicaId;
  /** The same on all replicas of the group; others are refused. */
  readonly groupId: string;
  /** Where the other replicas are, as `host:port`. Does not contain `self`. */
  readonly peers: ReadonlyMap<ReplicaId, string>;
  readonly credentials: ChannelCredentials;
  /** All of one frame at once. */
  readonly onMessages: (messages: readonly Message[]) => void;
  /**
   * An established connection to the peer broke. Once per break, whichever direction notices first.
   */
  readonly onPeerLost: (peer: ReplicaId) => void;
  readonly clock: Clock;
  /** For the jitter of reconnects. */
  readonly prng: Prng;
  readonly log: (event: TransportEvent) => void;
  /**
   * Whether the certificate of a caller may act as `replica`. Default: every caller that the server
   * let in.
   */
  readonly authorize?: (replica: ReplicaId, context: CallerContext) => boolean;
  /** How many bytes of entries wait for one peer at most. Default 16 MiB. */
  readonly queueBytesMax?: number;
}

export type TransportEvent =
  | { readonly type: "peerConnected"; readonly peer: ReplicaId }
  | { readonly type: "peerLost"; readonly peer: ReplicaId; readonly reason: string }
  /** An attempt to reach the peer failed; `code` is the gRPC status. */
  | {
      readonly type: "connectFailed";
      readonly peer: ReplicaId;
      readonly reason: string;
      readonly code: number | undefined;
    }
  /** Somebody was turned away. */
  | { readonly type: "callerRefused"; readonly caller: string; readonly reason: string }
  | { readonly type: "badFrame"; readonly peer: ReplicaId; readonly reason: string };

export interface TransportStatistics {
  /** Messages that were not sent because there was no stream or no room. */
  readonly dropped: number;
  readonly badFrames: number;
  readonly refusedCallers: number;
  /** Peers with streams in both directions. */
  readonly connected: readonly ReplicaId[];
}

const QUEUE_BYTES_MAX = 16 * 1024 * 1024;

interface Peer {
  readonly id: ReplicaId;
  readonly address: string;
  readonly sender: PeerSender;
  readonly receiver: PeerReceiver;
  /** Set by the first stream that is established, cleared by the first that breaks. */
  up: boolean;
}

export class GrpcPeerTransport implements PeerTransport, AsyncDisposable {
  readonly #options: GrpcPeerTransportOptions;
  readonly #peers = new Map<ReplicaId, Peer>();
  readonly #encoder = new FrameEncoder();
  readonly #streams = new Set<FrameStream>();
  #badFrames = 0;
  #refusedCallers = 0;
  /** Messages to replicas that are no peers, or are none any more. */
  #strayed = 0;
  #forgetting = false;
  #started = false;
  #closed = false;

  constructor(options: GrpcPeerTransportOptions) {
    assert(!options.peers.has(options.self), `replica ${options.self} is among its own peers`);
    this.#options = options;
    for (const [id, address] of options.peers) this.#peers.set(id, this.#makePeer(id, address));
  }

  /** Starts to connect. Call once the own server listens. */
  start(): void {
    this.#started = true;
    for (const { receiver } of this.#peers.values()) receiver.connect();
  }

  /**
   * From now on the peers are these, as `host:port` by id, without `self`. Streams with those that
   * are gone or have moved end, without a word of a lost peer; the others go on undisturbed.
   */
  setPeers(addresses: ReadonlyMap<ReplicaId, string>): void {
    const { self } = this.#options;
    assert(!addresses.has(self), `replica ${self} is among its own peers`);
    if (this.#closed) return;
    for (const peer of this.#peers.values()) {
      if (addresses.get(peer.id) !== peer.address) this.#drop(peer);
    }
    for (const [id, address] of addresses) {
      if (this.#peers.has(id)) continue;
      const peer = this.#makePeer(id, address);
      this.#peers.set(id, peer);
      if (this.#started) peer.receiver.connect();
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const peer = this.#peers.get(message.to);
      if (peer === undefined) this.#strayed += 1;
      else peer.sender.send(message);
    }
    this.#forgetEncodedLater();
  }

  /** The implementation of `raftServiceDefinition`, to be added to a server. */
  handlers(): UntypedServiceImplementation {
    return { receive: (stream: FrameStream) => this.#accept(stream) };
  }

  get statistics(): TransportStatistics {
    const peers = [...this.#peers.values()];
    return {
      dropped: peers.reduce((sum, { sender }) => sum + sender.dropped, this.#strayed),
      badFrames: this.#badFrames,
      refusedCallers: this.#refusedCallers,
      connected: peers
        .filter(({ sender, receiver }) => sender.connected && receiver.established)
        .map(({ id }) => id),
    };
  }

  /** Ends all streams; peers notice at once. Nothing is called back afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { receiver, sender } of this.#peers.values()) {
      receiver.close();
      sender.close();
    }
    for (const stream of this.#streams) refuse(stream, status.UNAVAILABLE, "the replica stops");
    this.#streams.clear();
  }

  #makePeer(id: ReplicaId, address: string): Peer {
    const { self, groupId, credentials, clock, prng, log } = this.#options;
    const receiver = new PeerReceiver({
      self,
      peer: id,
      groupId,
      address,
      credentials,
      clock,
      prng: prng.child(`reconnect to ${id}`),
      onMessages: this.#options.onMessages,
      onEstablished: () => this.#up(id),
      onBroken: (reason) => this.#lost(id, reason),
      onRefused: (reason, code) => log({ type: "connectFailed", peer: id, reason, code }),
      onBadFrame: (reason) => {
        this.#badFrames += 1;
        log({ type: "badFrame", peer: id, reason });
      },
    });
    const queueBytesMax = this.#options.queueBytesMax ?? QUEUE_BYTES_MAX;
    const sender = new PeerSender(this.#encoder, queueBytesMax);
    return { id, address, sender, receiver, up: false };
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.id);
    peer.receiver.close();
    const stream = peer.sender.stream;
    peer.sender.close();
    if (stream === undefined) return;
    this.#streams.delete(stream);
    refuse(stream, status.FAILED_PRECONDITION, "the caller is no peer any more");
  }

  /** A peer wants our messages. */
  #accept(stream: FrameStream): void {
    // Whatever becomes of the stream, an error on it must find a listener.
    stream.on("error", () => {});
    const hello = readHello(stream.metadata);
    const refusal = this.#refusalOf(stream, hello);
    if (refusal !== undefined) {
      this.#refusedCallers += 1;
      const caller = `${stream.getPeer()} as replica ${hello?.receiver ?? "unknown"}`;
      this.#options.log({ type: "callerRefused", caller, reason: refusal.details });
      refuse(stream, refusal.code, refusal.details);
      return;
    }
    const peer = this.#peers.get((hello as Hello).receiver) as Peer;
    stream.sendMetadata(new Metadata());
    this.#streams.add(stream);
    for (const event of ["cancelled", "close"]) {
      stream.on(event, () => this.#streamGone(peer, stream));
    }
    const before = peer.sender.attach(stream);
    if (before !== undefined) {
      // The peer opened anew: for it the stream before is broken already.
      this.#streams.delete(before);
      refuse(before, status.ABORTED, "the peer has opened another stream");
      this.#lost(peer.id, "it has opened another stream");
    }
    this.#up(peer.id);
    peer.receiver.connect();
  }

  #refusalOf(
    stream: FrameStream,
    hello: Hello | undefined,
  ): { readonly code: status; readonly details: string } | undefined {
    const { self, groupId, authorize } = this.#options;
    if (this.#closed) return { code: status.UNAVAILABLE, details: "the replica stops" };
    if (hello === undefined) {
      return { code: status.INVALID_ARGUMENT, details: "the call does not say who opens it" };
    }
    const wrong = (details: string): { code: status; details: string } => ({
      code: status.FAILED_PRECONDITION,
      details,
    });
    if (hello.protocol !== PROTOCOL_VERSION) {
      return wrong(`protocol ${hello.protocol} instead of ${PROTOCOL_VERSION}`);
    }
    if (hello.groupId !== groupId) return wrong("this replica belongs to another group");
    if (hello.sender !== self) return wrong(`this is replica ${self}, not ${hello.sender}`);
    if (!this.#peers.has(hello.receiver)) return wrong(`no peer has the id ${hello.receiver}`);
    if (authorize !== undefined && !authorize(hello.receiver, stream.getAuthContext())) {
      const details = `the caller may not act as replica ${hello.receiver}`;
      return { code: status.PERMISSION_DENIED, details };
    }
    return undefined;
  }

  #streamGone(peer: Peer, stream: FrameStream): void {
    this.#streams.delete(stream);
    if (peer.sender.detach(stream)) this.#lost(peer.id, "it has closed its stream");
  }

  #up(id: ReplicaId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.up || this.#closed) return;
    peer.up = true;
    this.#options.log({ type: "peerConnected", peer: id });
  }

  #lost(id: ReplicaId, reason: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || !peer.up || this.#closed) return;
    peer.up = false;
    this.#options.log({ type: "peerLost", peer: id, reason });
    this.#options.onPeerLost(id);
  }

  /** Encoded runs serve the frames of this turn; they are not kept longer. */
  #forgetEncodedLater(): void {
    if (this.#forgetting) return;
    this.#forgetting = true;
    setImmediate(() => {
      this.#forgetting = false;
      this.#encoder.forget();
    });
  }
}

function refuse(stream: FrameStream, code: status, details: string): void {
  stream.emit("error", { code, details });
}
