/**
 * Where a case about faults runs, and what it works with: both ends of the bus, and a reading.
 *
 * Each case has a datacenter of its own, so that many can share the servers. What is opened here is
 * closed here, also when it does not come to be. Only tests use it.
 */
import assert from "node:assert/strict";
import type { StreamBatch } from "@atoll/event-bus";
import { connectAgentBus } from "./agent-bus.ts";
import type { BusLog } from "./bus-log.ts";
import type { TestNats } from "./nats-server.ts";
import { connectOrchestratorBus } from "./orchestrator-bus.ts";
import type { NatsOrchestratorBus } from "./orchestrator-bus.ts";

export const silent: BusLog = { info: () => {}, warn: () => {} };

export type Until = (what: string, holds: () => boolean | Promise<boolean>) => Promise<void>;

/** Where a case runs. */
export interface Place extends AsyncDisposable {
  readonly server: TestNats;
  readonly datacenter: string;
  /** Of the datacenter. */
  readonly stream: string;
  readonly until: Until;
}

export interface Scene extends AsyncDisposable {
  readonly orchestrator: NatsOrchestratorBus;
  readonly batches: StreamBatch[];
  /** Publishes until it is stored. */
  readonly store: (text: string) => Promise<void>;
  readonly connected: () => boolean;
  /**
   * What was read, in order of first arrival: a publication whose acknowledgement is late is
   * repeated, and stored again. Throws when a message was delivered twice.
   */
  readonly read: () => string[];
}

export async function scene(
  { server, datacenter, until }: Place,
  url: string = server.url,
): Promise<Scene> {
  const { streamReplicas } = server;
  const agent = connectAgentBus({ url, datacenter, node: "n1", log: silent });
  const orchestrator = connectOrchestratorBus({
    url,
    datacenter,
    log: silent,
    streamReplicas,
    forgetEveryMs: 100,
  });
  const batches: StreamBatch[] = [];
  orchestrator.readFacts(undefined, (batch, ready) => {
    batches.push(batch);
    ready();
  });
  const states = { agent: false, orchestrator: false };
  agent.onConnection((state) => (states.agent = state.connected));
  orchestrator.onConnection((state) => (states.orchestrator = state.connected));
  const connected = (): boolean => states.agent && states.orchestrator;
  const end = async (): Promise<void> => {
    await Promise.all([agent.close(), orchestrator.close()]);
  };
  try {
    await until("both are connected", connected);
  } catch (error) {
    await end();
    throw error;
  }
  const attempt = (text: string): Promise<boolean> =>
    new Promise((resolve) => {
      agent.publishFacts(new TextEncoder().encode(text), (error) => resolve(error === undefined));
    });
  const texts = (): string[] => {
    const messages = batches.flatMap((batch) =>
      batch.messages.map((message) => ({ ...message, created: batch.created })),
    );
    const places = messages.map(({ created, sequence }) => `${created} ${sequence}`);
    assert.equal(new Set(places).size, places.length, "a message was delivered twice");
    return [...new Set(messages.map(({ payload }) => new TextDecoder().decode(payload)))];
  };
  return {
    orchestrator,
    batches,
    connected,
    store: (text) => until(`${text} is stored`, () => attempt(text)),
    read: texts,
    [Symbol.asyncDispose]: end,
  };
}

/** An orchestrator's end that closes with its test, however that ends. */
export function owned({ server, datacenter }: Place): NatsOrchestratorBus & AsyncDisposable {
  const { url, streamReplicas } = server;
  const bus = connectOrchestratorBus({ url, datacenter, log: silent, streamReplicas });
  return Object.assign(bus, { [Symbol.asyncDispose]: () => bus.close() });
}
