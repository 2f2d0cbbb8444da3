/** A clock that cannot be right is named once, and again when it is right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter } from "@atoll/domain";
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { Log } from "@atoll/service-kit";
import { ClockWatch } from "./clock-watch.ts";

const SECOND_TICKS = 100;

test("ClockWatch says once that its clock is far from the others', and once that it is not", () => {
  const said: string[] = [];
  const note = ((text: string, fields?: { readonly reason?: string }) =>
    void said.push(fields?.reason ?? text)) as Log["warn"];
  let wrongMs = 0;
  const clock = { monotonicMs: () => 50_000, realtimeMs: () => 1_700_000_000_000 + wrongMs };
  const watch = new ClockWatch(
    {
      replicaId: 1,
      replica: {
        status: () => ({ membership: { voters: [1, 2, 3] } }) as unknown as ReplicaStatus,
      },
      state: { datacenter: new Datacenter() },
      metrics: { gauge: () => {} } as never,
      log: { info: note, warn: note },
    },
    clock as never,
  );
  const look = (): void => {
    const right = { wallAheadMs: 1_699_999_950_000, timeAheadMs: undefined };
    watch.time.observe([
      { replica: 2, ...right },
      { replica: 3, ...right },
    ]);
    for (let tick = 0; tick < SECOND_TICKS; tick += 1) watch.tick();
  };
  look();
  wrongMs = 4_000;
  look();
  assert.equal(watch.reason(), undefined);
  wrongMs = 3_600_000;
  look();
  look();
  wrongMs = -30_000;
  look();
  wrongMs = 0;
  look();
  assert.deepEqual(said, [
    "its clock is 3600 s ahead of what the replicas agree on, and is not gone by",
    "the clock is right again",
  ]);
});
