/**
 * What the bus over NATS does when the servers fail in ways that only real ones can: killed,
 * frozen, wiped, robbed of their stream or consumer, filled with messages that are not ours.
 *
 * One server for each case, and one cluster of three for all, on which each case has a datacenter
 * of its own. There what leaves the servers alone runs side by side, as it mostly waits; what
 * befalls all three comes after it, one by one.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { StreamBatch } from "@atoll/event-bus";
import type { NatsConnection } from "@nats-io/transport-node";
import { NatsCluster } from "./nats-cluster.ts";
import { NatsServer, skipReason } from "./nats-server.ts";
import type { TestNats } from "./nats-server.ts";
import { owned, scene } from "./fault-scene.ts";
import type { Place, Until } from "./fault-scene.ts";
import { until as untilAtLatest } from "./until.ts";

const skip = skipReason ?? false;

/** One thing that happens. */
interface Case {
  readonly name: string;
  readonly body: (place: Place) => Promise<void>;
}

/** A cluster elects leaders, of itself and of each stream, in 4 to 9 seconds each. */
const untilElected: Until = (what, holds) => untilAtLatest(what, holds, 60_000);
let cluster: Promise<NatsCluster> | undefined;
let datacenters = 0;
/** Cases that leave the servers alone, and others. */
const gentle: Case[] = [];
const harsh: Case[] = [];

function onEach(name: string, body: Case["body"]): void {
  gentle.push({ name, body });
}

function onEachInTurn(name: string, body: Case["body"]): void {
  harsh.push({ name, body });
}

async function onOneServer(): Promise<Place> {
  const server = await NatsServer.start();
  const end = (): Promise<void> => server[Symbol.asyncDispose]();
  return placeOn(server, untilAtLatest, end);
}

async function onThreeServers(): Promise<Place> {
  cluster ??= NatsCluster.start();
  return placeOn(await cluster, untilElected, () => Promise.resolve());
}

function placeOn(server: TestNats, until: Until, end: () => Promise<void>): Place {
  datacenters += 1;
  const datacenter = `dc${datacenters}`;
  const stream = `ATOLL_FACTS_${datacenter}`;
  return { server, datacenter, stream, until, [Symbol.asyncDispose]: end };
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
  stream: string,
): Promise<{ messages: number; last_seq: number }> {
  const info = (await request(connection, `$JS.API.STREAM.INFO.${stream}`)) as {
    state: { messages: number; last_seq: number };
  };
  return info.state;
}

onEach("connectOrchestratorBus() makes the stream that the design asks for", async (place) => {
  await using it = await scene(place);
  await using connection = await place.server.connect();
  const info = (await request(connection, `$JS.API.STREAM.INFO.${place.stream}`)) as {
    config: Record<string, unknown>;
  };
  const { subjects, storage, retention, discard, max_bytes, num_replicas } = info.config;
  assert.deepEqual(
    { subjects, storage, retention, discard, max_bytes, num_replicas },
    {
      subjects: [`atoll.${place.datacenter}.fact.*`],
      storage: "file",
      retention: "limits",
      discard: "new",
      max_bytes: 1_073_741_824,
      num_replicas: place.server.streamReplicas,
    },
  );
  assert.ok(it.connected());
});

onEach("connectOrchestratorBus() puts a stream with other settings right", async (place) => {
  const { until } = place;
  await using connection = await place.server.connect();
  await request(connection, `$JS.API.STREAM.CREATE.${place.stream}`, {
    name: place.stream,
    subjects: [`atoll.${place.datacenter}.fact.*`],
    storage: "file",
    retention: "limits",
    discard: "old",
    max_bytes: 5_000_000,
    num_replicas: 1,
  });
  await using it = await scene(place);
  await it.store("a");
  await until("it is read", () => it.read().includes("a"));
  const info = (await request(connection, `$JS.API.STREAM.INFO.${place.stream}`)) as {
    config: Record<string, unknown>;
  };
  assert.deepEqual([info.config["discard"], info.config["max_bytes"]], ["new", 1_073_741_824]);
});

onEachInTurn("readFacts() goes on at the same place after kill -9 and a restart", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  const rounds = place.server.streamReplicas === 1 ? 3 : 1;
  for (let round = 0; round < rounds; round += 1) {
    await it.store(`${round}a`);
    await it.store(`${round}b`);
    await until("both are read", () => it.read().length === round * 2 + 2);
    await place.server.kill();
    await until("the loss is told", () => !it.connected());
    await place.server.start();
  }
  await it.store("last");
  await until("the last is read", () => it.read().includes("last"));
  const texts = Array.from({ length: rounds }, (_, round) => [`${round}a`, `${round}b`]).flat();
  assert.deepEqual(it.read(), [...texts, "last"]);
  assert.equal(new Set(it.batches.map((batch) => batch.created)).size, 1);
});

onEachInTurn("readFacts() follows to a new stream when the store was wiped", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  await place.server.kill();
  await place.server.wipe();
  await place.server.start();
  await it.store("b");
  await until("it is read", () => it.read().length === 2);
  const [first, second] = it.batches;
  assert.notEqual(first?.created, second?.created);
  assert.equal(second?.messages[0]?.sequence, 1);
});

onEach("readFacts() gives a stream up that lost what was read of it", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  const created = it.batches[0]?.created ?? "";
  await it.orchestrator.close();
  // Another replica knows more of the stream than the stream does.
  await using other = owned(place);
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

onEach("readFacts() makes a new consumer when its consumer is deleted", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await using connection = await place.server.connect();
  for (let round = 0; round < 3; round += 1) {
    await it.store(`k${round}`);
    await until("it is read", () => it.read().length === round + 1);
    const names = (await request(connection, `$JS.API.CONSUMER.NAMES.${place.stream}`)) as {
      consumers: string[];
    };
    assert.equal(names.consumers.length, 1);
    await request(connection, `$JS.API.CONSUMER.DELETE.${place.stream}.${names.consumers[0]}`);
  }
  await it.store("last");
  await until("the last is read", () => it.read().includes("last"));
  assert.deepEqual(it.read(), ["k0", "k1", "k2", "last"]);
});

onEach("readFacts() leaves no consumer behind when it is stopped", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await using connection = await place.server.connect();
  await it.orchestrator.close();
  await using other = owned(place);
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
    const answer = await request(connection, `$JS.API.CONSUMER.NAMES.${place.stream}`);
    return ((answer as { consumers: string[] | null }).consumers ?? []).length === 0;
  });
});

onEachInTurn("a frozen server is given up and the reading goes on when it thaws", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await it.store("a");
  place.server.freeze();
  await until("the silence is noticed", () => !it.connected());
  place.server.thaw();
  await it.store("b");
  await until("all is read", () => it.read().length >= 2);
  assert.deepEqual(it.read(), ["a", "b"]);
});

onEach("readFacts() skips, counts and forgets messages that are not ours", async (place) => {
  const { until } = place;
  await using it = await scene(place);
  await it.store("a");
  await until("it is read", () => it.read().length === 1);
  await using connection = await place.server.connect();
  for (const token of ["UPPER", "under_score", "x".repeat(200), "-dash", "ü"]) {
    await request(connection, `atoll.${place.datacenter}.fact.${token}`, { hostile: true });
  }
  connection.publish(`atoll.${place.datacenter}.heartbeat.NOT_OURS`, "?");
  await it.store("b");
  await until("ours is read", () => it.read().length === 2);
  assert.deepEqual(it.read(), ["a", "b"]);
  it.orchestrator.forgetFacts(
    it.batches[0]?.created ?? "",
    it.batches[1]?.messages[0]?.sequence ?? 0,
  );
  await until("all are counted", () => it.orchestrator.statistics().foreignMessages === 5);
  assert.equal(
    it.orchestrator.statistics().foreignSamples[0]?.subject,
    `atoll.${place.datacenter}.fact.UPPER`,
  );
  for (let junk = 0; junk < 20; junk += 1) {
    await request(connection, `atoll.${place.datacenter}.fact.NOT_OURS`, { junk });
  }
  await until("nothing is left in the stream", async () => {
    return (await streamInfo(connection, place.stream)).messages === 0;
  });
});

for (const { name, body } of [...gentle, ...harsh]) {
  test(`${name} (one server)`, { skip }, async () => {
    await using place = await onOneServer();
    await body(place);
  });
}

describe("three servers", { skip }, () => {
  const onCluster = ({ name, body }: Case): void => {
    test(`${name} (three servers)`, async () => body(await onThreeServers()));
  };
  after(async () => {
    await (await cluster)?.[Symbol.asyncDispose]();
  });
  describe("left alone", { concurrency: true }, () => gentle.forEach(onCluster));
  describe("to which something happens", () => harsh.forEach(onCluster));
});

test("connectOrchestratorBus() says why when the server has no JetStream", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  const place = placeOn(server, untilAtLatest, () => Promise.resolve());
  await using bus = owned(place);
  let reason = "";
  bus.onConnection((state) => ({ reason } = state));
  await untilAtLatest("the reason is told", () => reason.startsWith(`the stream ${place.stream}`));
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
