/**
 * One replica in a process of its own: Raft, its log on disk and its transport, with ticks.
 *
 * What the programs that measure and torture Raft run in common. A log that is damaged, blank or
 * shows less than was acknowledged is answered as a service must answer it (docs/adr/0010). What is
 * replicated, who may ask for it and how the process ends is theirs. Credentials and authorization
 * are left out: this is for loopback alone. Called by the replica-process.ts of a benchmark or
 * suite.
 */
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { GrpcPeerTransport, raftServiceDefinition } from "@atoll/raft-grpc";
import {
  distrustLog,
  LevelLogStore,
  type LevelLogStoreOptions,
  type OpenedStore,
} from "@atoll/raft-level";
import {
  LogLostError,
  Replica,
  StallDetector,
  type LogStore,
  type ReplicaOptions,
} from "@atoll/raft-replica";
import { Prng } from "@atoll/stdx";
import { membershipOf, type ReplicaId, type Standing } from "raft-ts";

export interface RaftProcessOptions extends Required<
  Pick<ReplicaOptions, "id" | "stateMachine" | "observer" | "settings">
> {
  readonly groupId: string;
  /** Where the log is; must exist. */
  readonly folder: string;
  /** Where it listens for its peers. */
  readonly port: number;
  /** Where its peers are reached, by id; together with `id` the founders of the group. */
  readonly peerPorts: ReadonlyMap<ReplicaId, number>;
  /** Puts something before the store on disk. Default: nothing. */
  readonly wrapStore?: (store: LogStore) => LogStore;
}

export interface RaftProcess extends AsyncDisposable {
  readonly replica: Replica;
  /** Of the log as it was found, or begun anew. */
  readonly standing: Standing;
  /** Why the log is not whole; empty when it is. */
  readonly reason: string;
  /** For services beside Raft's own, added before `start`. */
  readonly server: Server;
  /** Listens, speaks to its peers and lets time pass. */
  readonly start: () => Promise<void>;
}

const TICK_MS = 10;
/** A longer gap between two ticks is a stall: other replicas may have elected meanwhile. */
const STALL_MS = 150;
const CLOCK = { monotonicMs: () => performance.now(), realtimeMs: () => Date.now() };

export async function openReplica(options: RaftProcessOptions): Promise<RaftProcess> {
  const { id, groupId, folder, port, peerPorts } = options;
  const { store, recovered, reason } = await openStore({
    folder,
    identity: { groupId, replicaId: id },
    founding: membershipOf([id, ...peerPorts.keys()]),
    newStanding: "blank",
  });
  const prng = new Prng(Number(process.hrtime.bigint() % 1_000_000_007n) + id);
  const transport = new GrpcPeerTransport({
    self: id,
    groupId,
    peers: new Map([...peerPorts].map(([peer, at]) => [peer, `127.0.0.1:${at}`])),
    credentials: credentials.createInsecure(),
    onMessages: (messages) => replica.receive(messages),
    onPeerLost: (peer) => replica.peerLost(peer),
    clock: CLOCK,
    prng: prng.child("transport"),
    log: () => {},
  });
  const replica: Replica = new Replica({
    id,
    recovered,
    store: options.wrapStore?.(store) ?? store,
    transport,
    stateMachine: options.stateMachine,
    observer: {
      leadershipChanged: (change) => options.observer.leadershipChanged(change),
      failed: (error) => void noteLoss(folder, error).then(() => options.observer.failed(error)),
    },
    prng: prng.child("replica"),
    settings: options.settings,
  });
  const server = new Server();
  server.addService(raftServiceDefinition, transport.handlers());
  return {
    replica,
    standing: recovered.standing ?? "whole",
    reason,
    server,
    start: async () => {
      await listen(server, port);
      transport.start();
      startTicks(replica);
    },
    [Symbol.asyncDispose]: async () => {
      replica.stop();
      await transport[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Puts a damaged log aside and begins one that the others rebuild. */
async function openStore(options: LevelLogStoreOptions): Promise<OpenedStore> {
  try {
    return await LevelLogStore.open(options);
  } catch (error) {
    return LevelLogStore.rebuild(options, error as Error);
  }
}

/** A log that lost what was acknowledged is not opened again as a whole one. */
async function noteLoss(folder: string, error: Error): Promise<void> {
  if (error instanceof LogLostError) await distrustLog(folder, error.message);
}

function startTicks(replica: Replica): void {
  const detector = new StallDetector({ clock: CLOCK, replica, stallMs: STALL_MS });
  setInterval(() => detector.tick(), TICK_MS);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
