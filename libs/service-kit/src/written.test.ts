/** written(): the pace of a reader, and every way in which a reader is no more. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Writable } from "node:stream";
import { test } from "node:test";
import {
  type BackupRequest,
  type BackupResponse,
  OrchestratorServiceClient,
  OrchestratorServiceService,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import { Server, ServerCredentials, type ServerWritableStream, status } from "@grpc/grpc-js";
import { ApiError } from "./api-error.ts";
import { CHANNEL_OPTIONS, channelCredentials } from "./channel.ts";
import { DRAIN_MS_MAX, written } from "./written.ts";

type BackupCall = ServerWritableStream<BackupRequest, BackupResponse>;

/** A call that takes a message when the test says so. */
class HeldCall extends Writable {
  cancelled = false;
  readonly held: (() => void)[] = [];

  constructor() {
    super({ objectMode: true, highWaterMark: 1 });
  }

  override _write(_message: unknown, _encoding: string, done: () => void): void {
    this.held.push(done);
  }

  get asCall(): ServerWritableStream<unknown, string> {
    return this as unknown as ServerWritableStream<unknown, string>;
  }

  get listening(): number {
    return ["close", "drain", "error"].reduce((sum, name) => sum + this.listenerCount(name), 0);
  }
}

test("written() waits until the message is taken, and leaves no listener behind", async () => {
  const call = new HeldCall();
  const before = call.listening;
  let taken = false;
  const writing = written(call.asCall, "a").then((more) => (taken = more));
  await Promise.resolve();
  assert.equal(taken, false);
  call.held.shift()?.();
  assert.equal(await writing, true);
  assert.equal(call.listening, before);
});

test("written() is over when the call is, and throws what the stream does", async () => {
  const gone = new HeldCall();
  const before = gone.listening;
  const writing = written(gone.asCall, "a");
  gone.destroy();
  assert.equal(await writing, false);
  assert.equal(gone.listening, before);
  assert.equal(await written(gone.asCall, "b"), false);
  const broken = new HeldCall();
  const failing = written(broken.asCall, "a");
  broken.emit("error", new Error("broken"));
  await assert.rejects(failing, /broken/);
  assert.equal(broken.listening, before);
});

test("written() gives a caller up that takes nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const call = new HeldCall();
  let over = false;
  const writing = written(call.asCall, "a").finally(() => (over = true));
  const refused = assert.rejects(writing, (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.reason], [status.RESOURCE_EXHAUSTED, "CALLER_TOO_SLOW"]);
    return true;
  });
  t.mock.timers.tick(DRAIN_MS_MAX - 1);
  await Promise.resolve();
  assert.equal(over, false);
  t.mock.timers.tick(1);
  await refused;
});

test("written() settles when a real caller cancels while it waits", async () => {
  const served = Promise.withResolvers<boolean>();
  const full = Promise.withResolvers<void>();
  async function serve(call: BackupCall): Promise<boolean> {
    const content = { $case: "chunk", value: Buffer.alloc(1 << 20) } as const;
    for (;;) {
      const writing = written(call, { content });
      if (call.writableNeedDrain) full.resolve();
      if (!(await writing)) return call.cancelled;
    }
  }
  const server = new Server(CHANNEL_OPTIONS);
  server.addService(OrchestratorServiceService, {
    backup: (call: BackupCall) => void serve(call).then(served.resolve, served.reject),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const credentials = channelCredentials("insecure-for-lab");
  const client = new OrchestratorServiceClient(`127.0.0.1:${port}`, credentials, CHANNEL_OPTIONS);
  try {
    const answer = client.backup({});
    const failed = once(answer, "error");
    await full.promise;
    answer.cancel();
    assert.equal(await served.promise, true);
    await failed;
  } finally {
    client.close();
    server.forceShutdown();
  }
});
