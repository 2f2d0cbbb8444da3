/** Backups of one replica: a few at a time, each counted until its caller is gone. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { Backups, type BackupParts } from "./backup.ts";

/** A caller that reads nothing until it goes away. */
class StandingCaller extends EventEmitter {
  cancelled = false;

  write(): boolean {
    return false;
  }

  end(): void {
    this.emit("end");
  }

  leave(): void {
    this.cancelled = true;
    this.emit("close");
  }
}

test("serve() refuses a third backup, and takes one when another caller is gone", async () => {
  const parts = {
    datacenter: "dc1",
    groupId: "g",
    state: { appliedIndex: 7, snapshotInSlices: () => [new Uint8Array(10)] },
    replica: {
      readIndex: (done: (outcome: object) => void) => done({ type: "ready", index: 7 }),
      status: () => ({ term: 1, membership: { voters: [1], learners: [], learnersNext: [] } }),
    },
    realtimeMs: () => 0,
  } as unknown as BackupParts;
  const backups = new Backups(parts);
  const serve = (caller: StandingCaller): void => backups.serve(caller as never);
  const callers = [new StandingCaller(), new StandingCaller()] as const;
  for (const caller of callers) serve(caller);
  const third = new StandingCaller();
  const refused = once(third, "error");
  serve(third);
  const [error] = (await refused) as [{ code: number; details: string }];
  assert.equal(error.code, GrpcStatus.RESOURCE_EXHAUSTED);
  assert.match(error.details, /2 backups are under way at this replica: wait/);
  const ended = once(callers[0], "end");
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  callers[0].leave();
  await ended;
  const fourth = new StandingCaller();
  let errors = 0;
  fourth.on("error", () => (errors += 1));
  serve(fourth);
  assert.equal(errors, 0);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  for (const caller of [callers[1], fourth]) caller.leave();
});
