import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchReport } from "./watch-report.ts";
import { decodeWatchReport, encodeWatchReport } from "./watch-report.ts";
import { dc1, firstTwin, n1, n2, secondTwin } from "@atoll/domain/testing";
import { Prng } from "@atoll/stdx";

const SILENT = { node: n1, incarnation: "i1", silentMs: 1_300, probes: 3, server: "" };
const HEARD = { claimant: firstTwin, silentMs: 0, alternates: true };

const report: WatchReport = {
  datacenter: dc1,
  replica: 2,
  life: 2 ** 46 + 1,
  counter: 77,
  realtimeMs: 1_700_000_000_000,
  timeMs: 1_700_000_000_500,
  heard: [{ replica: 1, life: 5, counter: 70 }],
  shards: [
    { shard: 0, uninterruptedMs: 0 },
    { shard: 63, uninterruptedMs: 90_000 },
  ],
  servers: ["nats-1"],
  silent: [SILENT],
  back: [n2],
  needs: [{ node: n1, incarnation: "i1" }],
  contested: [
    {
      node: n2,
      heard: [
        { claimant: firstTwin, silentMs: 300, alternates: true },
        { claimant: secondTwin, silentMs: 0, alternates: false },
      ],
    },
  ],
};

test("a watch report comes back as it was", () => {
  assert.deepEqual(decodeWatchReport(encodeWatchReport(report)), {
    type: "decoded",
    value: report,
  });
});

test("decodeWatchReport() refuses what is out of bounds, and takes any bytes", () => {
  const wrong: Partial<WatchReport>[] = [
    { replica: -1 },
    { counter: -1 },
    { realtimeMs: -1 },
    { timeMs: -1 },
    { servers: ["two words"] },
    { back: ["NOT A NODE" as never] },
    { silent: [{ ...SILENT, silentMs: -1 }] },
    { silent: [{ ...SILENT, incarnation: "two words" }] },
    { shards: Array.from({ length: 1_025 }, (_, shard) => ({ shard, uninterruptedMs: 0 })) },
    { contested: [{ node: n1, heard: Array.from({ length: 17 }, () => HEARD) }] },
    { contested: [{ node: n1, heard: [{ ...HEARD, silentMs: -1 }] }] },
    { back: Array.from({ length: 10_001 }, () => n1) },
  ];
  for (const more of wrong) {
    const decoded = decodeWatchReport(encodeWatchReport({ ...report, ...more }));
    assert.equal(decoded.type, "undecodable", JSON.stringify(Object.keys(more)));
  }
  const prng = new Prng(3);
  const bytes = encodeWatchReport(report);
  for (let round = 0; round < 2_000; round += 1) {
    const damaged = bytes.slice(0, prng.between(0, bytes.length));
    if (damaged.length > 0) damaged[prng.below(damaged.length)] = prng.below(256);
    decodeWatchReport(damaged);
  }
});
