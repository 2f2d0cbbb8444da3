/**
 * What the bus over NATS does when the servers fail in ways that only real ones can: killed,
 * frozen, wiped, robbed of their stream or consumer, filled with messages that are not ours. One
 * server, and a cluster of three to which the same befalls as a whole.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamBatch } from "@atoll/event-bus";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectAgentBus } from "./agent-bus.ts";
import { NatsCluster } from "./nats-cluster.ts";
import { clusterSkipReason, NatsServer, skipReason } from "./nats-server.ts";
import type { TestNats } from "./nats-server.ts";
import { connectOrchestratorBus } from "./orchestrator-bus.ts";
import type { NatsOrchestratorBus } from "./orchestrator-bus.ts";
import { until as untilAtLatest } from "./until.ts";

const skip = skipReason ?? false;
const silent = { info: (): void => {}, warn: (): void => {} };
const datacenter = "dc1";
const stream = "ATOLL_FACTS_dc1";

type Until = (what: string, holds: () => boolean | Promise<boolean>) => Promise<void>;

interface Kind {
  readonly start: () => Promise<TestNats>;
  readonly until: Until;
}

/** A cluster elects leaders, of itself and of each stream, in 4 to 9 seconds each. */
const KINDS: readonly (Kind & { readonly name: string; readonly skip: string | false })[] = [
  { name: "one server", start: () => NatsServer.start(), until: untilAtLatest, skip },
  {
    name: "three servers",
    start: () => NatsCluster.start(),
    until: (what, holds) => untilAtLatest(what, holds, 60_000),
    skip: clusterSkipReason ?? false,
  },
];

function onEach(name: string, body: (kind: Kind) => Promise<void>): void {
  for (const kind of KINDS) test(`${name} (${kind.name})`, { skip: kind.skip }, () => body(kind));
}

interface Scene extends AsyncDisposable {
  readonly server: TestNats;
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

async function scene({ start, until }: Kind, started?: TestNats): Promise<Scene> {
  const server = started ?? (await start());
  const agent = connectAgentBus({ url: server.url, datacenter, node: "n1", log: silent });
  const orchestrator = connectOrchestratorBus({
    url: server.url,
    datacenter,
    log: silent,
    streamReplicas: server.streamReplicas,
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
  await until("both are connected", connected);
  const attempt = (text: string): Promise<boolean> =>
    new Promise((resolve) => {
      agent.publishFacts(new TextEncoder().encode(text), (error) => resolve(error === undefined));
    });
  return {
    server,
    orchestrator,
    batches,
    connected,
    store: (text) => until(`${text} is stored`, () => attempt(text)),
    read: () => {
      const messages = batches.flatMap((batch) =>
        batch.messages.map((message) => ({ ...message, created: batch.created })),
      );
      const places = messages.map(({ created, sequence }) => `${created} ${sequence}`);
      assert.equal(new Set(places).size, places.length, "a message was delivered twice");
      return [...new Set(messages.map(({ payload }) => new TextDecoder().decode(payload)))];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([agent.close(), orchestrator.close()]);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** An orchestrator's end that closes with its test, however that ends. */
function owned({ url, streamReplicas }: TestNats): NatsOrchestratorBus & AsyncDisposable {
  const bus = connectOrchestratorBus({ url, datacenter, log: silent, streamReplicas });
  return Object.assign(bus, { [Symbol.asyncDispose]: () => bus.close() });
}

async function request(
  connection: NatsConnection,
  subject: string,
  body?: object,
): Promise<unknown> {
  const answer = await connection.request(subject, body && JSON.stringify(body), {
    timeout: 5_000,
  });
  return answer.json();
}

/** The stream as the server shows it. */
async function streamInfo(
  connection: NatsConnection,
): Promise<{ messages: number; last_seq: number }> {
  const info = (await request(connection, `$JS.API.STREAM.INFO.${stream}`)) as {
    state: { messages: number; last_seq: number };
  };
  return info.state;
}

onEach("connectOrchestratorBus() makes the stream that the design asks for", async (kind) => {
  await using it = await scene(kind);
  await using connection = await it.server.connect();
  const info = (await request(connection, `$JS.API.STREAM.INFO.${stream}`)) as {
    config: Record<string, unknown>;
  };
  const { subjects, storage, retention, discard, max_bytes, num_replicas } = info.config;
  assert.deepEqual(
    { subjects, storage, retention, discard, max_bytes, num_replicas },
    {
      subjects: ["atoll.dc1.fact.*"],
      storage: "file",
      retention: "limits",
      discard: "new",
      max_bytes: 1_073_741_824,
      num_replicas: it.server.streamReplicas,
    },
  );
});

onEach("connectOrchestratorBus() puts a stream with other settings right", async (kind) => {
  const { until } = kind;
  const server = await kind.start();
  await using connection = await server.connect();
  await request(connection, `$JS.API.STREAM.CREATE.${stream}`, {
    name: stream,
    subjects: ["atoll.dc1.fact.*"],
    storage: "file",
    retention: "limits",
    discard: "old",
    max_bytes: 5_000_000,
    num_replicas: 1,
  });
  await using it = await scene(kind, server);
  await it.store("a");
  await until("it is read", () => it.read().includes("a"));
  const info = (await request(connection, `$JS.API.STREAM.INFO.${stream}`)) as {
    config: Record<string, unknown>;
  };
  assert.deepEqual([info.config["discard"], info.config["max_bytes"]], ["new", 1_073_741_824]);
});

onEach("readFacts() goes on at the same place after kill -9 and a restart", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  for (let round = 0; round < 3; round += 1) {
    await it.store(`${round}a`);
    await it.store(`${round}b`);
    await until("both are read", () => it.read().length === round * 2 + 2);
    await it.server.kill();
    await until("the loss is told", () => !it.connected());
    await it.server.start();
  }
  await it.store("last");
  await until("the last is read", () => it.read().includes("last"));
  assert.deepEqual(it.read(), ["0a", "0b", "1a", "1b", "2a", "2b", "last"]);
  assert.equal(new Set(it.batches.map((batch) => batch.created)).size, 1);
});

onEach("readFacts() follows to a new stream when the store was wiped", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  await it.server.kill();
  await it.server.wipe();
  await it.server.start();
  await it.store("b");
  await until("it is read", () => it.read().length === 2);
  const [first, second] = it.batches;
  assert.notEqual(first?.created, second?.created);
  assert.equal(second?.messages[0]?.sequence, 1);
});

onEach("readFacts() gives a stream up that lost what was read of it", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  const created = it.batches[0]?.created ?? "";
  await it.orchestrator.close();
  // Another replica knows more of the stream than the stream does.
  await using other = owned(it.server);
  const batches: StreamBatch[] = [];
  other.readFacts({ created, sequence: 1_000 }, (batch, ready) => {
    batches.push(batch);
    ready();
  });
  let connected = false;
  other.onConnection((state) => (connected = state.connected));
  await until("it is connected", () => connected);
  await it.store("b");
  await until("it is read", () => batches.length === 1);
  assert.notEqual(batches[0]?.created, created);
  assert.deepEqual(
    batches[0]?.messages.map((message) => message.sequence),
    [1],
  );
});

onEach("readFacts() makes a new consumer when its consumer is deleted", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await using connection = await it.server.connect();
  for (let round = 0; round < 3; round += 1) {
    await it.store(`k${round}`);
    await until("it is read", () => it.read().length === round + 1);
    const names = (await request(connection, `$JS.API.CONSUMER.NAMES.${stream}`)) as {
      consumers: string[];
    };
    assert.equal(names.consumers.length, 1);
    await request(connection, `$JS.API.CONSUMER.DELETE.${stream}.${names.consumers[0]}`);
  }
  await it.store("last");
  await until("the last is read", () => it.read().includes("last"));
  assert.deepEqual(it.read(), ["k0", "k1", "k2", "last"]);
});

onEach("readFacts() leaves no consumer behind when it is stopped", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await using connection = await it.server.connect();
  await it.orchestrator.close();
  await using other = owned(it.server);
  for (let round = 0; round < 5; round += 1) {
    let read = 0;
    const stop = other.readFacts(undefined, (batch, ready) => {
      read += batch.messages.length;
      ready();
    });
    await it.store(`k${round}`);
    await until("it reads", () => read === round + 1);
    stop();
  }
  await until("all consumers are gone", async () => {
    const answer = await request(connection, `$JS.API.CONSUMER.NAMES.${stream}`);
    return ((answer as { consumers: string[] | null }).consumers ?? []).length === 0;
  });
});

onEach("a frozen server is given up and the reading goes on when it thaws", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await it.store("a");
  it.server.freeze();
  await until("the silence is noticed", () => !it.connected());
  it.server.thaw();
  await it.store("b");
  await until("all is read", () => it.read().length >= 2);
  assert.deepEqual(it.read(), ["a", "b"]);
});

onEach("readFacts() skips, counts and forgets messages that are not ours", async (kind) => {
  const { until } = kind;
  await using it = await scene(kind);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  await using connection = await it.server.connect();
  for (const token of ["UPPER", "under_score", "x".repeat(200), "-dash", "ü"]) {
    await request(connection, `atoll.dc1.fact.${token}`, { hostile: true });
  }
  connection.publish("atoll.dc1.heartbeat.NOT_OURS", "?");
  await it.store("b");
  await until("ours is read", () => it.read().length === 2);
  assert.deepEqual(it.read(), ["a", "b"]);
  it.orchestrator.forgetFacts(
    it.batches[0]?.created ?? "",
    it.batches[1]?.messages[0]?.sequence ?? 0,
  );
  await until("all are counted", () => it.orchestrator.statistics().foreignMessages === 5);
  assert.equal(it.orchestrator.statistics().foreignSamples[0]?.subject, "atoll.dc1.fact.UPPER");
  for (let junk = 0; junk < 20; junk += 1) {
    await request(connection, "atoll.dc1.fact.NOT_OURS", { junk });
  }
  await until("nothing is left in the stream", async () => {
    return (await streamInfo(connection)).messages === 0;
  });
});

test("connectOrchestratorBus() says why when the server has no JetStream", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  await using bus = owned(server);
  let reason = "";
  bus.onConnection((state) => ({ reason } = state));
  await untilAtLatest("the reason is told", () => reason.startsWith(`the stream ${stream}`));
});

test("a handler that throws ends the process and does not silence the bus", { skip }, async () => {
  await using server = await NatsServer.start();
  const script = `
    import { connectAgentBus, connectOrchestratorBus } from "@atoll/event-bus-nats";
    const log = { info() {}, warn() {} };
    const url = ${JSON.stringify(server.url)};
    const agent = connectAgentBus({ url, datacenter: "dc9", node: "n1", log });
    const bus = connectOrchestratorBus({ url, datacenter: "dc9", log });
    bus.hearShards(new Set(Array.from({ length: 64 }, (_, shard) => shard)));
    bus.onHeartbeat(() => { throw new Error("a bug of the handler"); });
    setInterval(() => agent.publishHeartbeat(new Uint8Array(1)), 20);
  `;
  const { spawn } = await import("node:child_process");
  const words = ["--conditions=atoll-source", "--input-type=module", "-e", script];
  const child = spawn(process.execPath, words, { cwd: import.meta.dirname, stdio: "pipe" });
  let output = "";
  child.stderr.on("data", (chunk) => (output += chunk));
  let code: number | null | undefined;
  child.once("exit", (status) => (code = status));
  try {
    await untilAtLatest("the process has ended", () => code !== undefined);
  } finally {
    child.kill("SIGKILL");
  }
  assert.equal(code, 1);
  assert.match(output, /a bug of the handler/);
});
