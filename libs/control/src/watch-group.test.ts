/** How fresh a report is follows from the own reports that it names, whatever waited where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DatacenterName, NodeName } from "@atoll/domain";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import { WatchGroup } from "./watch-group.ts";
import type { WatchReport } from "./watch-report.ts";

const { replicaLiveMs } = DETECTION_DEFAULTS;
const SILENT = {
  node: "n1" as NodeName,
  incarnation: "i1",
  silentMs: 2_500,
  probes: 9,
  server: "s1",
};

function group(replica: number, life = 100 + replica): WatchGroup {
  return new WatchGroup({ replica, life, settings: DETECTION_DEFAULTS });
}

function reportOf(of: WatchGroup, replica: number, nowMs: number, life?: number): WatchReport {
  return {
    datacenter: "dc1" as DatacenterName,
    replica,
    life: life ?? 100 + replica,
    ...of.next(nowMs),
    shards: [],
    servers: [],
    silent: [SILENT],
    back: [],
    needs: [],
    contested: [],
    realtimeMs: 0,
    timeMs: 0,
  };
}

test("WatchGroup believes a report that names an own one of just now, and not before", () => {
  const [one, two] = [group(1), group(2)];
  one.take(reportOf(two, 2, 0), 10);
  assert.deepEqual(one.live(10), [1]);
  two.take(reportOf(one, 1, 1_000), 1_001);
  one.take(reportOf(two, 2, 1_050), 1_060);
  assert.deepEqual(one.live(1_060), [1, 2]);
  assert.equal(one.witnesses(1_060)[0]?.silent.get(SILENT.node)?.madeAfterMs, 1_000);
  assert.deepEqual(one.live(1_000 + replicaLiveMs + 1), [1]);
  assert.deepEqual(one.witnesses(1_000 + replicaLiveMs + 1), []);
});

test("WatchGroup takes what waited in a queue for as old as it is", () => {
  const [one, two] = [group(1), group(2)];
  two.take(reportOf(one, 1, 1_000), 1_001);
  const waiting = reportOf(two, 2, 1_050);
  one.take(waiting, 6_000);
  assert.deepEqual(one.witnesses(6_000), []);
});

test("WatchGroup could hear up to the sending of its own report that came back last", () => {
  const one = group(1);
  assert.equal(one.horizonMs, undefined);
  const first = reportOf(one, 1, 1_000);
  const second = reportOf(one, 1, 1_200);
  one.take(second, 1_300);
  assert.equal(one.horizonMs, 1_200);
  one.take(first, 1_400);
  assert.equal(one.horizonMs, 1_200);
  one.disconnected();
  one.take(reportOf(group(1, 7), 1, 1_500, 7), 1_600);
  assert.equal(one.horizonMs, undefined);
});

test("WatchGroup takes a replica that started anew for a new one", () => {
  const [one, two] = [group(1), group(2)];
  two.take(reportOf(one, 1, 1_000), 1_001);
  one.take(reportOf(two, 2, 1_010), 1_020);
  assert.equal(one.witnesses(1_020).length, 1);
  const again = group(2, 500);
  one.take(reportOf(again, 2, 1_100, 500), 1_110);
  assert.deepEqual(one.witnesses(1_110), []);
  again.take(reportOf(one, 1, 1_200), 1_210);
  one.take(reportOf(again, 2, 1_220, 500), 1_230);
  assert.equal(one.witnesses(1_230).length, 1);
});
