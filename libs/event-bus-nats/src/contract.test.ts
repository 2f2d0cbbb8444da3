/**
 * The bus over NATS passes the contract against a real server.
 */
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { busContract } from "@atoll/event-bus/contract";
import type { BusWorld, Condition, WorldOptions } from "@atoll/event-bus/contract";
import type { AgentBus, OrchestratorBus } from "@atoll/event-bus";
import { connectAgentBus } from "./agent-bus.ts";
import { NatsServer, skipReason } from "./nats-server.ts";
import { connectOrchestratorBus } from "./orchestrator-bus.ts";
import { until } from "./testing.ts";

let server: NatsServer;
let started: Promise<NatsServer> | undefined;

after(async () => {
  await (await started)?.[Symbol.asyncDispose]();
});

const silent = { info: (): void => {}, warn: (): void => {} };

/** A world in a datacenter of its own; the server is shared by all. */
class NatsWorld implements BusWorld {
  readonly #datacenter = `t-${randomUUID().slice(0, 8)}`;
  readonly #options: WorldOptions;
  readonly #clients: (AgentBus | OrchestratorBus)[] = [];
  /** What is done to the server, in order. */
  done: Promise<void> = Promise.resolve();
  #running = true;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  agent(node: string): AgentBus {
    const datacenter = this.#datacenter;
    return this.#keep(connectAgentBus({ url: server.url, datacenter, node, log: silent }));
  }

  orchestrator(): OrchestratorBus {
    const { streamBytesMax } = this.#options;
    const datacenter = this.#datacenter;
    return this.#keep(
      connectOrchestratorBus({
        url: server.url,
        datacenter,
        log: silent,
        streamBytesMax,
        forgetEveryMs: 100,
      }),
    );
  }

  stopServer(): void {
    this.#running = false;
    this.done = this.done.then(() => server.kill());
  }

  startServer(): void {
    this.#running = true;
    this.done = this.done.then(() => server.start());
  }

  deleteStream(): void {
    this.done = this.done.then(async () => {
      const connection = await server.connect();
      await connection.request(`$JS.API.STREAM.DELETE.ATOLL_FACTS_${this.#datacenter}`);
      await connection.close();
    });
  }

  async end(): Promise<void> {
    await this.done;
    await Promise.all(this.#clients.map((client) => client.close()));
    if (!this.#running) await server.start();
  }

  #keep<T extends AgentBus | OrchestratorBus>(client: T): T {
    this.#clients.push(client);
    return client;
  }
}

async function drive(
  conditions: Generator<Condition, void, void>,
  world: NatsWorld,
): Promise<void> {
  for (const condition of conditions) {
    await world.done;
    await until(condition.what, condition.holds);
  }
}

for (const one of busContract()) {
  test(`event-bus-nats contract: ${one.name}`, { skip: skipReason ?? false }, async () => {
    started ??= NatsServer.start();
    server = await started;
    const world = new NatsWorld(one.options);
    try {
      await drive(one.run(world), world);
    } finally {
      await world.end();
    }
  });
}
