/**
 * What the orchestrator's end does with a server that kept its store outside of a cluster that
 * others made without theirs. The connections are real; JetStream's answers are a stand-in's, since
 * how real servers come to this is left to their elections.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { headers } from "@nats-io/transport-node";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { freePorts } from "./free-ports.ts";
import { NatsServer, skipReason } from "./nats-server.ts";
import { connectOrchestratorBus } from "./orchestrator-bus.ts";
import type { NatsOrchestratorBus } from "./orchestrator-bus.ts";
import { until } from "./until.ts";

const skip = skipReason ?? false;
const silent = { info: (): void => {}, warn: (): void => {} };
const STREAM = "ATOLL_FACTS_dc1";
/** Longer than a server is borne that says nothing of use. */
const LEFT_MAX_MS = 30_000;

type Answer = (verb: string) => object | undefined;

/** Answers requests to JetStream's administration, and keeps a reading's pull alive. */
function answerFor(connection: NatsConnection, answer: Answer): void {
  const callback = (_error: Error | null, message: Msg): void => {
    const [, , group = "", verb = "", next] = message.subject.split(".");
    if (verb === "MSG" && next === "NEXT") {
      const beat = (): void => {
        if (connection.isClosed()) clearInterval(timer);
        else message.respond(new Uint8Array(0), { headers: headers(100, "Idle Heartbeat") });
      };
      const timer = setInterval(beat, 500);
      return;
    }
    const said = answer(`${group} ${verb}`);
    if (said !== undefined) message.respond(JSON.stringify(said));
  };
  connection.subscribe("$JS.API.>", { callback });
}

function streamOf(created: string, replicas: number, leader?: string, lastSequence = 0): object {
  return {
    created,
    config: {
      name: STREAM,
      subjects: ["atoll.dc1.fact.*"],
      storage: "file",
      retention: "limits",
      discard: "new",
      max_bytes: 1_073_741_824,
      max_msg_size: 790_528,
      num_replicas: replicas,
    },
    state: { first_seq: 1, last_seq: lastSequence },
    cluster: leader === undefined ? {} : { leader },
  };
}

function busOf(url: string, streamReplicas: number): NatsOrchestratorBus & AsyncDisposable {
  const bus = connectOrchestratorBus({ url, datacenter: "dc1", log: silent, streamReplicas });
  return Object.assign(bus, { [Symbol.asyncDispose]: () => bus.close() });
}

test("a server whose stream has no leader is left for another", { skip }, async () => {
  await using outside = await NatsServer.start({ jetStream: false });
  await using connection = await outside.connect();
  answerFor(connection, (asked) => (asked === "STREAM INFO" ? streamOf("old", 3) : undefined));
  const [port = 0] = await freePorts(1);
  await using bus = busOf(`${outside.url},nats://127.0.0.1:${port}`, 1);
  const batches: string[] = [];
  bus.readFacts(undefined, (batch, ready) => {
    batches.push(batch.created);
    ready();
  });
  let linked = false;
  let connected = false;
  bus.onLink((state) => (linked = state.connected));
  bus.onConnection((state) => ({ connected } = state));
  await until("it is connected to the one outside", () => linked);
  // The other is there only now, so that it was not chosen before.
  await using cluster = await NatsServer.start({ port });
  assert.equal(connected, false);
  await until("it reads from the other", () => connected, LEFT_MAX_MS);
  await using other = await cluster.connect();
  await other.request("atoll.dc1.fact.n1", "a");
  await until("what the other stores is read", () => batches.length === 1);
});

test("a stream that only a server outside still has is made anew", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  await using connection = await server.connect();
  let stream = streamOf("old", 3);
  answerFor(connection, (asked) => {
    if (asked === "CONSUMER CREATE") return { name: "c" };
    if (asked === "STREAM CREATE") stream = streamOf("new", 3, "server-1");
    return stream;
  });
  await using bus = busOf(server.url, 3);
  let connected = false;
  bus.onConnection((state) => ({ connected } = state));
  await until("it is made", () => connected);
});

test("a reading begins although a server outside is asked first", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  await using connection = await server.connect();
  answerFor(connection, (asked) => {
    if (asked === "CONSUMER CREATE") return { name: "c" };
    return asked === "STREAM CREATE" ? streamOf("new", 3, "server-1") : streamOf("old", 3);
  });
  await using bus = busOf(server.url, 3);
  bus.readFacts(undefined, () => {});
  let connected = false;
  bus.onConnection((state) => ({ connected } = state));
  await until("it reads", () => connected);
});

test("a reading whose consumer brings nothing of what is there begins anew", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  await using connection = await server.connect();
  let consumers = 0;
  answerFor(connection, (asked) => {
    if (asked === "STREAM INFO") return streamOf("new", 3, "server-1", 5);
    if (asked === "CONSUMER CREATE") consumers += 1;
    return { name: "c" };
  });
  await using bus = busOf(server.url, 3);
  bus.readFacts(undefined, () => {});
  await until("another consumer is made", () => consumers === 2);
});

test("a reading of a stream that is not the cluster's any more begins anew", { skip }, async () => {
  await using server = await NatsServer.start({ jetStream: false });
  await using connection = await server.connect();
  let stream: object | undefined = streamOf("old", 3, "server-1");
  const created: string[] = [];
  answerFor(connection, (asked) => {
    if (asked === "STREAM INFO") return stream ?? { error: { code: 404, err_code: 10_059 } };
    if (asked === "CONSUMER CREATE") return { name: "c" };
    if (asked !== "STREAM CREATE") return undefined;
    created.push("new");
    return (stream = streamOf("new", 3, "server-1"));
  });
  await using bus = busOf(server.url, 3);
  bus.readFacts(undefined, () => {});
  let connected = false;
  bus.onConnection((state) => ({ connected } = state));
  await until("it reads", () => connected);
  assert.deepEqual(created, []);
  stream = undefined;
  // The consumer goes on telling that it lives.
  await until("the stream is made anew", () => created.length === 1);
});
