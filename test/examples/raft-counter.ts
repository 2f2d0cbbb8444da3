/**
 * A replicated counter with everything real but the machines: three replicas with logs on disk and
 * gRPC between them, in one process.
 *
 *     npm run example -- raft-counter
 *
 * Adds up a thousand numbers, stops the leader, and goes on.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { GrpcPeerTransport, raftServiceDefinition } from "@atoll/raft-grpc";
import { LevelLogStore } from "@atoll/raft-level";
import { Replica, type StateMachine, type StateRestore } from "@atoll/raft-replica";
import { Prng } from "@atoll/stdx";
import { membershipOf } from "raft-ts";

const IDS = [1, 2, 3];
const TICK_MS = 10;
const clock = { monotonicMs: () => performance.now(), realtimeMs: () => Date.now() };

/** The state: one number. A snapshot of it is its eight bytes. */
class Counter implements StateMachine {
  total = 0;

  apply(entries: Parameters<StateMachine["apply"]>[0]): void {
    for (const { type, data } of entries) {
      if (type === "data") this.total += Buffer.from(data).readDoubleLE();
    }
  }

  snapshot(): Uint8Array[] {
    return [encoded(this.total)];
  }

  restore(): StateRestore {
    let bytes = Buffer.alloc(0);
    return {
      take: (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
      },
      finish: () => {
        this.total = bytes.readDoubleLE();
      },
    };
  }
}

interface Running {
  readonly id: number;
  readonly counter: Counter;
  readonly replica: Replica;
  readonly stop: () => Promise<void>;
}

async function start(id: number, folder: string, servers: Servers): Promise<Running> {
  const { store, recovered } = await LevelLogStore.open({
    folder: join(folder, String(id)),
    identity: { groupId: "example", replicaId: id },
    founding: membershipOf(IDS),
  });
  const prng = new Prng(id);
  const counter = new Counter();
  const transport = new GrpcPeerTransport({
    self: id,
    groupId: "example",
    peers: new Map(
      [...servers].filter(([peer]) => peer !== id).map(([peer, { at }]) => [peer, at]),
    ),
    credentials: credentials.createInsecure(),
    onMessages: (messages) => replica.receive(messages),
    onPeerLost: (peer) => replica.peerLost(peer),
    clock,
    prng: prng.child("transport"),
    log: () => {},
  });
  const replica: Replica = new Replica({
    id,
    recovered,
    store,
    transport,
    stateMachine: counter,
    prng: prng.child("replica"),
    observer: {
      leadershipChanged: ({ leading, term }) => {
        if (leading) console.log(`replica ${id} leads in term ${term}`);
      },
      failed: (error) => console.error(`replica ${id} has stopped: ${error.message}`),
    },
  });
  const { server } = servers.get(id) as { server: Server };
  server.addService(raftServiceDefinition, transport.handlers());
  transport.start();
  const ticks = setInterval(() => replica.tick(), TICK_MS);
  return {
    id,
    counter,
    replica,
    stop: async () => {
      clearInterval(ticks);
      replica.stop();
      server.forceShutdown();
      await transport[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

type Servers = ReadonlyMap<number, { readonly server: Server; readonly at: string }>;

/** Servers come first: a port must be known before anybody can be told of it. */
async function listen(): Promise<Servers> {
  const servers = new Map<number, { server: Server; at: string }>();
  for (const id of IDS) {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    servers.set(id, { server, at: `127.0.0.1:${port}` });
  }
  return servers;
}

/** Adds at whoever leads; a refusal or an unknown outcome would have to be looked at in earnest. */
function add(replicas: readonly Running[], value: number): Promise<void> {
  return new Promise((resolve) => {
    const attempt = (): void => {
      const leader = replicas.find(({ replica }) => replica.status().role === "leader");
      if (leader === undefined) {
        setTimeout(attempt, TICK_MS);
        return;
      }
      leader.replica.propose([encoded(value)], ({ type }) => {
        if (type === "committed") resolve();
        else setTimeout(attempt, TICK_MS);
      });
    };
    attempt();
  });
}

/** What a linearizable read gives at any replica. */
function read({ replica, counter }: Running): Promise<number> {
  return new Promise((resolve) => {
    const ask = (): void =>
      replica.readIndex(({ type }) => {
        if (type === "ready") resolve(counter.total);
        else setTimeout(ask, TICK_MS);
      });
    ask();
  });
}

function encoded(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

const folder = await mkdtemp(join(tmpdir(), "raft-example-"));
const servers = await listen();
let replicas = await Promise.all(IDS.map((id) => start(id, folder, servers)));
await Promise.all(Array.from({ length: 1_000 }, (_, at) => add(replicas, at + 1)));
for (const each of replicas) console.log(`replica ${each.id} reads ${await read(each)}`);

const leader = replicas.find(({ replica }) => replica.status().role === "leader") as Running;
console.log(`replica ${leader.id} stops`);
await leader.stop();
replicas = replicas.filter((each) => each !== leader);
await add(replicas, 500);
for (const each of replicas) console.log(`replica ${each.id} reads ${await read(each)}`);
await Promise.all(replicas.map(({ stop }) => stop()));
await rm(folder, { recursive: true });
