/**
 * One end of a transport with its server on a free loopback port, for tests.
 *
 * Collects what arrives and lets tests wait for a state with a deadline.
 */
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { Prng } from "@atoll/stdx";
import type { Message, ReplicaId } from "raft-ts";
import { GrpcPeerTransport, type TransportEvent } from "../grpc-peer-transport.ts";
import { raftServiceDefinition } from "../raft-service.ts";

export interface TransportEnd extends AsyncDisposable {
  readonly transport: GrpcPeerTransport;
  readonly port: number;
  readonly received: Message[];
  readonly lost: ReplicaId[];
  readonly events: TransportEvent[];
}

export const monotonicClock: { monotonicMs(): number; realtimeMs(): number } = {
  monotonicMs: () => performance.now(),
  realtimeMs: () => 0,
};

export interface EndOptions {
  readonly groupId?: string;
  readonly port?: number;
  readonly queueBytesMax?: number;
  readonly authorize?: (replica: ReplicaId) => boolean;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = new Server();
  const port = await listen(server, 0);
  server.forceShutdown();
  return port;
}

export async function openEnd(
  self: ReplicaId,
  peers: ReadonlyMap<ReplicaId, string>,
  options: EndOptions = {},
): Promise<TransportEnd> {
  const received: Message[] = [];
  const lost: ReplicaId[] = [];
  const events: TransportEvent[] = [];
  const { groupId = "test", port: wantedPort = 0, ...rest } = options;
  const transport = new GrpcPeerTransport({
    self,
    groupId,
    peers,
    credentials: credentials.createInsecure(),
    onMessages: (messages) => received.push(...messages),
    onPeerLost: (peer) => lost.push(peer),
    clock: monotonicClock,
    prng: new Prng(self),
    log: (event) => events.push(event),
    ...rest,
  });
  const server = new Server();
  server.addService(raftServiceDefinition, transport.handlers());
  const port = await listen(server, wantedPort);
  return {
    transport,
    port,
    received,
    lost,
    events,
    async [Symbol.asyncDispose](): Promise<void> {
      await transport[Symbol.asyncDispose]();
      server.forceShutdown();
    },
  };
}

export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const insecure = ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${port}`, insecure, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
}

/** Waits until `state` is what it should be. @throws after `deadlineMs`. */
export async function until(what: string, state: () => boolean, deadlineMs = 5000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!state()) {
    if (performance.now() > deadline) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
