/** A backup on its way through: what is passed on, and how it ends where one side is gone. */
import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import type {
  BackupResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { BackupGroupRequest, BackupGroupResponse } from "@atoll/proto/atoll/v1/group";
import { ApiError } from "@atoll/service-kit";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";
import { streamBackup } from "./backup-stream.ts";

const CHUNK: BackupResponse = { content: { $case: "chunk", value: Buffer.alloc(1) } };
const END: BackupResponse = {
  content: { $case: "end", value: { sizeBytes: 1, stateHash: Buffer.alloc(0) } },
};

/** A caller that takes messages, or none once it is `stuck`. */
class FakeCaller extends Writable {
  readonly taken: BackupGroupResponse[] = [];
  /** Told at each message. */
  onMessage: () => void = () => {};
  cancelled = false;
  stuck = false;

  constructor() {
    super({ objectMode: true, highWaterMark: 1 });
  }

  override _write(message: BackupGroupResponse, _encoding: string, done: () => void): void {
    this.taken.push(message);
    this.onMessage();
    if (!this.stuck) done();
  }

  /** As grpc-js does it. */
  cancel(): void {
    this.cancelled = true;
    this.emit("cancelled", "cancelled");
    this.destroy();
  }
}

function backup(
  caller: FakeCaller,
  content: Iterable<BackupResponse> | AsyncIterable<BackupResponse>,
): { readonly source: { cancelled: number }; readonly ended: Promise<void> } {
  const source = Object.assign(Readable.from(content), {
    cancelled: 0,
    cancel: () => (source.cancelled += 1),
  });
  const ended = streamBackup({
    client: { backup: () => source } as unknown as OrchestratorServiceClient,
    mirror: {} as Mirror,
    stream: caller as unknown as ServerWritableStream<BackupGroupRequest, BackupGroupResponse>,
  });
  return { source, ended };
}

test("streamBackup() passes everything on, and the end as the trailer", async () => {
  const caller = new FakeCaller();
  await backup(caller, [CHUNK, CHUNK, END]).ended;
  const kinds = caller.taken.map(({ content }) => content?.$case);
  assert.deepEqual(kinds, ["chunk", "chunk", "trailer"]);
});

test("streamBackup() settles when its caller goes away while it waits", async () => {
  const caller = new FakeCaller();
  caller.stuck = true;
  const taking = new Promise<void>((resolve) => (caller.onMessage = resolve));
  const { source, ended } = backup(caller, [CHUNK, CHUNK, END]);
  await taking;
  caller.cancel();
  await ended;
  assert.ok(source.cancelled > 0, "the replica goes on");
  assert.equal(caller.taken.length, 1);
});

test("streamBackup() says that a backup broke off, or ended too early", async () => {
  async function* breaking(): AsyncGenerator<BackupResponse> {
    yield CHUNK;
    throw Object.assign(new Error("14"), { details: "the replica stops" });
  }
  for (const [content, words] of [
    [breaking(), /broke off: the replica stops/],
    [[CHUNK], /ended before it was whole/],
  ] as const) {
    await assert.rejects(backup(new FakeCaller(), content).ended, (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.code, error.reason], [status.UNAVAILABLE, "BACKUP_BROKEN_OFF"]);
      assert.match(error.message, words);
      return true;
    });
  }
});
