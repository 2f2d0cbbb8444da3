/** Streams between replicas on loopback: delivery, refusals, breaks, bad frames. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Client, credentials, Metadata, Server, status, type ServiceError } from "@grpc/grpc-js";
import type { Entry, Message } from "raft-ts";
import { PROTOCOL_VERSION } from "./frame-layout.ts";
import { helloMetadata, raftServiceDefinition } from "./raft-service.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import type { FrameStream } from "./peer-sender.ts";
import {
  freePort,
  listen,
  openEnd,
  until,
  type EndOptions,
  type TransportEnd,
} from "./testing/transport-end.ts";

const CHILD_START_MS_MAX = 30_000;
/** A call that is accepted goes on for ever, and is ended then. */
const CALL_MS_MAX = 5_000;

async function openPair(
  context: TestContext,
  options: EndOptions = {},
): Promise<[TransportEnd, TransportEnd]> {
  const port = await freePort();
  const two = await openEnd(2, new Map([[1, `127.0.0.1:${port}`]]), options);
  context.after(() => two[Symbol.asyncDispose]());
  const one = await openEnd(1, new Map([[2, `127.0.0.1:${two.port}`]]), { ...options, port });
  context.after(() => one[Symbol.asyncDispose]());
  one.transport.start();
  two.transport.start();
  await until("connected both ways", () => isConnected(one) && isConnected(two));
  return [one, two];
}

function isConnected(end: TransportEnd): boolean {
  return end.transport.statistics.connected.length === 1;
}

function heartbeat(from: number, to: number, readRound: number): Message {
  return { type: "heartbeat", from, to, term: 1, commitIndex: 0, commitTerm: 0, readRound };
}

function append(first: number, count: number, bytes: number): Message {
  const entries = Array.from({ length: count }, (_, at): Entry => ({
    index: first + at,
    term: 1,
    type: "data",
    data: new Uint8Array(bytes).fill(at),
  }));
  const previous = { index: first - 1, term: 1 };
  return { type: "appendEntries", from: 1, to: 2, term: 1, previous, entries, commitIndex: 0 };
}

test("send() delivers in order, both ways, whole batches and large ones", async (context) => {
  const [one, two] = await openPair(context);
  const sent = [append(1, 3, 10), append(4, 1024, 256), append(1028, 2, 1_000_000)];
  for (const message of sent) one.transport.send([message]);
  two.transport.send([heartbeat(2, 1, 1), heartbeat(2, 1, 2)]);
  await until("all arrived", () => two.received.length === 3 && one.received.length === 2);
  assert.deepEqual(two.received, sent);
  assert.deepEqual(one.received, [heartbeat(2, 1, 1), heartbeat(2, 1, 2)]);
});

test("send() without a connection drops, and delivers once the peer is there", async (context) => {
  const port = await freePort();
  const one = await openEnd(1, new Map([[2, `127.0.0.1:${port}`]]));
  context.after(() => one[Symbol.asyncDispose]());
  one.transport.start();
  one.transport.send([heartbeat(1, 2, 1)]);
  assert.equal(one.transport.statistics.dropped, 1);
  await until("a failed attempt", () => one.events.some(({ type }) => type === "connectFailed"));
  const two = await openEnd(2, new Map([[1, `127.0.0.1:${one.port}`]]), { port });
  context.after(() => two[Symbol.asyncDispose]());
  two.transport.start();
  await until("connected", () => isConnected(one) && isConnected(two));
  one.transport.send([heartbeat(1, 2, 2)]);
  await until("arrived", () => two.received.length === 1);
  assert.deepEqual(two.received, [heartbeat(1, 2, 2)]);
  assert.deepEqual(one.lost, [], "what never was established is not lost");
});

test("setPeers() reaches new peers and lets go of old ones", async (context) => {
  const [one, two] = await openPair(context);
  const three = await openEnd(3, new Map([[1, `127.0.0.1:${one.port}`]]));
  context.after(() => three[Symbol.asyncDispose]());
  three.transport.start();
  await until("refused", () => one.events.some(({ type }) => type === "callerRefused"));
  const addressOfTwo = `127.0.0.1:${two.port}`;
  one.transport.setPeers(
    new Map([
      [2, addressOfTwo],
      [3, `127.0.0.1:${three.port}`],
    ]),
  );
  await until("three is there", () => one.transport.statistics.connected.length === 2);
  one.transport.send([heartbeat(1, 3, 1), heartbeat(1, 2, 1)]);
  await until("both heard", () => three.received.length === 1 && two.received.length === 1);
  assert.deepEqual(two.lost, [], "the stream with two was left alone");
  one.transport.setPeers(new Map([[2, addressOfTwo]]));
  await until("three has lost one", () => three.lost.length === 1);
  const { dropped } = one.transport.statistics;
  one.transport.send([heartbeat(1, 3, 2), heartbeat(1, 2, 2)]);
  assert.equal(one.transport.statistics.dropped, dropped + 1);
  await until("two heard", () => two.received.length === 2);
  assert.deepEqual(one.lost, [], "whom we let go of is not lost");
});

test("a killed peer is lost at once, once, and found again when it is back", async (context) => {
  const port = await freePort();
  const one = await openEnd(1, new Map([[2, `127.0.0.1:${port}`]]));
  context.after(() => one[Symbol.asyncDispose]());
  one.transport.start();
  const script = join(import.meta.dirname, "testing", "replica-process.ts");
  const child = spawn(
    process.execPath,
    ["--conditions=atoll-source", script, "2", `${port}`, "1", `127.0.0.1:${one.port}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  context.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data", { signal: AbortSignal.timeout(CHILD_START_MS_MAX) });
  await until("the child's messages", () => one.received.length > 5);
  const killed = performance.now();
  child.kill("SIGKILL");
  await until("the loss", () => one.lost.length > 0, 1000);
  context.diagnostic(`noticed after ${(performance.now() - killed).toFixed(1)} ms`);
  await exited;
  const again = await openEnd(2, new Map([[1, `127.0.0.1:${one.port}`]]), { port });
  context.after(() => again[Symbol.asyncDispose]());
  again.transport.start();
  await until("connected", () => isConnected(one) && isConnected(again));
  assert.deepEqual(one.lost, [2]);
});

test("a peer that stops in order is lost at once; its owner hears nothing", async (context) => {
  const [one, two] = await openPair(context);
  await two[Symbol.asyncDispose]();
  await until("the loss", () => one.lost.length === 1, 1000);
  assert.deepEqual(two.lost, []);
});

/** Opens a stream as a client of our own; gives the status it ends with. */
async function statusOf(port: number, metadata: Metadata): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = raftServiceDefinition.receive;
      client
        .makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          new Uint8Array(),
          metadata,
          { deadline: Date.now() + CALL_MS_MAX },
        )
        .on("data", () => {})
        .on("error", (error: ServiceError) => resolve(error.code))
        .on("end", () => resolve(status.OK));
    });
  } finally {
    client.close();
  }
}

test("a caller from elsewhere is refused with a status that says why", async (context) => {
  const authorize = (replica: number): boolean => replica !== 2;
  const peers = new Map([
    [2, "127.0.0.1:1"],
    [3, "127.0.0.1:1"],
  ]);
  const end = await openEnd(1, peers, { authorize });
  context.after(() => end[Symbol.asyncDispose]());
  const hello = { groupId: "test", receiver: 3, sender: 1 };
  const later = helloMetadata(hello);
  later.set("raft-protocol", String(PROTOCOL_VERSION + 1));
  const malformed = helloMetadata(hello);
  malformed.set("raft-receiver", "-3e1");
  const answers: [Metadata, number][] = [
    [helloMetadata({ ...hello, groupId: "other" }), status.FAILED_PRECONDITION],
    [helloMetadata({ ...hello, receiver: 9 }), status.FAILED_PRECONDITION],
    [helloMetadata({ ...hello, sender: 2 }), status.FAILED_PRECONDITION],
    [later, status.FAILED_PRECONDITION],
    [helloMetadata({ ...hello, receiver: 2 }), status.PERMISSION_DENIED],
    [malformed, status.INVALID_ARGUMENT],
    [new Metadata(), status.INVALID_ARGUMENT],
  ];
  for (const [metadata, code] of answers) assert.equal(await statusOf(end.port, metadata), code);
  assert.equal(end.transport.statistics.refusedCallers, answers.length);
  assert.deepEqual(end.lost, []);
});

test("a bad frame ends the stream, is counted, and harms nobody", async (context) => {
  const streams: FrameStream[] = [];
  const liar = new Server();
  liar.addService(raftServiceDefinition, {
    receive: (stream: FrameStream) => {
      stream.sendMetadata(new Metadata());
      streams.push(stream);
    },
  });
  const port = await listen(liar, 0);
  context.after(() => liar.forceShutdown());
  const end = await openEnd(1, new Map([[2, `127.0.0.1:${port}`]]));
  context.after(() => end[Symbol.asyncDispose]());
  end.transport.start();
  await until("a stream", () => streams.length === 1);
  let cancelled = false;
  streams[0]?.on("cancelled", () => {
    cancelled = true;
  });
  const good = new FrameEncoder().encode([heartbeat(2, 1, 1)]);
  streams[0]?.write(good);
  streams[0]?.write(Buffer.concat([good, Buffer.of(1)]));
  streams[0]?.write(good);
  await until("the end of the stream", () => cancelled);
  assert.deepEqual(end.received, [heartbeat(2, 1, 1)]);
  assert.equal(end.transport.statistics.badFrames, 1);
  await until("another attempt", () => streams.length === 2);
  streams[1]?.write(good);
  await until("its messages", () => end.received.length === 2);
});

test("a peer that opens another stream takes the place of the first", async (context) => {
  const [one, two] = await openPair(context);
  const hello = { groupId: "test", receiver: 2, sender: 1 };
  const client = new Client(`127.0.0.1:${one.port}`, credentials.createInsecure());
  context.after(() => client.close());
  const { path, requestSerialize, responseDeserialize } = raftServiceDefinition.receive;
  const call = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    new Uint8Array(),
    helloMetadata(hello),
  );
  call.on("error", () => {});
  context.after(() => call.cancel());
  await until("the loss of the first", () => one.lost.length === 1 && two.lost.length === 1);
  await until("connected again", () => isConnected(one) && isConnected(two));
});

test("a peer that does not read costs a bounded queue only", async (context) => {
  const [one, two] = await openPair(context, { queueBytesMax: 1_000_000 });
  const hello = { groupId: "test", receiver: 2, sender: 1 };
  await two[Symbol.asyncDispose]();
  const client = new Client(`127.0.0.1:${one.port}`, credentials.createInsecure());
  context.after(() => client.close());
  const { path, requestSerialize, responseDeserialize } = raftServiceDefinition.receive;
  const call = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    new Uint8Array(),
    helloMetadata(hello),
  );
  call.on("error", () => {});
  context.after(() => call.cancel());
  await once(call, "metadata", { signal: AbortSignal.timeout(CALL_MS_MAX) });
  // Without a reader the call is never resumed, so its window fills.
  for (let first = 1; first < 200; first += 1) {
    one.transport.send([append(first, 1, 100_000)]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(one.transport.statistics.dropped > 100, `${one.transport.statistics.dropped} dropped`);
});
