/**
 * The bus over NATS passes the contract against a real server, and against a real cluster of three.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { busContract } from "@atoll/event-bus/contract";
import type { BusWorld, Condition, WorldOptions } from "@atoll/event-bus/contract";
import type { AgentBus, OrchestratorBus } from "@atoll/event-bus";
import { connectAgentBus } from "./agent-bus.ts";
import { NatsCluster } from "./nats-cluster.ts";
import { NatsServer, skipReason } from "./nats-server.ts";
import type { TestNats } from "./nats-server.ts";
import { connectOrchestratorBus } from "./orchestrator-bus.ts";
import { until } from "./until.ts";

/** A cluster elects leaders, of itself and of each stream, in 4 to 9 seconds each. */
const CLUSTER_DEADLINE_MS = 60_000;

const kinds = [
  { name: "one server", start: () => NatsServer.start(), deadlineMs: undefined },
  { name: "three servers", start: () => NatsCluster.start(), deadlineMs: CLUSTER_DEADLINE_MS },
];

/**
 * A cluster takes five seconds and more to come back, and what a client does while it has no server
 * is the same however many it lacks: these cases run on one.
 */
const ON_ONE_SERVER: ReadonlySet<string> = new Set([
  "onConnection() tells the state at once and at every change",
  "publishFacts() is refused with NOT_CONNECTED while there is no server",
  "hearShards() holds across reconnects",
  "onLink() names the server while there is a connection",
  "sendOrder() is refused without a connection",
]);

const silent = { info: (): void => {}, warn: (): void => {} };

/** A world in a datacenter of its own; the servers are shared by all. */
class NatsWorld implements BusWorld {
  readonly #datacenter = `t-${randomUUID().slice(0, 8)}`;
  readonly #nats: TestNats;
  readonly #options: WorldOptions;
  readonly #clients: (AgentBus | OrchestratorBus)[] = [];
  /** What is done to the server, in order. */
  done: Promise<void> = Promise.resolve();
  #running = true;

  constructor(nats: TestNats, options: WorldOptions) {
    this.#nats = nats;
    this.#options = options;
  }

  agent(node: string): AgentBus {
    const datacenter = this.#datacenter;
    return this.#keep(connectAgentBus({ url: this.#nats.url, datacenter, node, log: silent }));
  }

  orchestrator(): OrchestratorBus {
    const { streamBytesMax } = this.#options;
    const datacenter = this.#datacenter;
    return this.#keep(
      connectOrchestratorBus({
        url: this.#nats.url,
        datacenter,
        log: silent,
        streamBytesMax,
        streamReplicas: this.#nats.streamReplicas,
        forgetEveryMs: 100,
      }),
    );
  }

  stopServer(): void {
    this.#running = false;
    this.done = this.done.then(() => this.#nats.kill());
  }

  startServer(): void {
    this.#running = true;
    this.done = this.done.then(() => this.#nats.start());
  }

  deleteStream(): void {
    this.done = this.done.then(async () => {
      const connection = await this.#nats.connect();
      await connection.request(`$JS.API.STREAM.DELETE.ATOLL_FACTS_${this.#datacenter}`);
      await connection.close();
    });
  }

  async end(): Promise<void> {
    await this.done;
    await Promise.all(this.#clients.map((client) => client.close()));
    if (!this.#running) await this.#nats.start();
  }

  #keep<T extends AgentBus | OrchestratorBus>(client: T): T {
    this.#clients.push(client);
    return client;
  }
}

async function drive(
  conditions: Generator<Condition, void, void>,
  world: NatsWorld,
  deadlineMs: number | undefined,
): Promise<void> {
  for (const condition of conditions) {
    await world.done;
    await until(condition.what, condition.holds, deadlineMs);
  }
}

for (const { name, start, deadlineMs } of kinds) {
  let started: Promise<TestNats> | undefined;
  after(async () => {
    await (await started)?.[Symbol.asyncDispose]();
  });
  const cases = busContract();
  for (const known of ON_ONE_SERVER)
    assert.ok(
      cases.some((one) => one.name === known),
      known,
    );
  for (const one of cases) {
    if (ON_ONE_SERVER.has(one.name) && name !== "one server") continue;
    const title = `event-bus-nats contract: ${one.name} (${name})`;
    test(title, { skip: skipReason ?? false }, async () => {
      started ??= start();
      const world = new NatsWorld(await started, one.options);
      try {
        await drive(one.run(world), world, deadlineMs);
      } finally {
        await world.end();
      }
    });
  }
}
