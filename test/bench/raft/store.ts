/**
 * How fast the log store is by itself: writes per second, and the time to open a long log.
 *
 * The store bounds what a replica can do, so it is measured apart. Run by hand:
 * `node --conditions=atoll-source test/bench/raft/store.ts [entries]`. Uses a temporary folder.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { LevelLogStore } from "@atoll/raft-level";
import { membershipOf, type Entry } from "raft-ts";

const ENTRY_BYTES = 256;
const identity = { groupId: "bench", replicaId: 1 };
const founding = membershipOf([1]);

async function main(): Promise<void> {
  const total = Number(process.argv[2] ?? 1_000_000);
  const folder = await mkdtemp(join(tmpdir(), "atoll-bench-store-"));
  try {
    let next = 1;
    for (const batch of [1, 16, 64, 256, 1024]) next = await measureWrites(folder, batch, next);
    await fill(folder, next, total);
    const before = performance.now();
    const cpuBefore = process.cpuUsage();
    const { store, recovered } = await LevelLogStore.open({ folder, identity, founding });
    const openMs = performance.now() - before;
    const cpu = process.cpuUsage(cpuBefore);
    const cpuMs = ((cpu.user + cpu.system) / 1000).toFixed(0);
    console.log(`open ${recovered.last.index} entries: ${openMs.toFixed(0)} ms, CPU ${cpuMs} ms`);
    await store[Symbol.asyncDispose]();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function makeEntries(from: number, count: number): Entry[] {
  const entries: Entry[] = [];
  for (let index = from; index < from + count; index += 1) {
    entries.push({ index, term: 1, type: "data", data: new Uint8Array(ENTRY_BYTES).fill(index) });
  }
  return entries;
}

async function measureWrites(folder: string, batch: number, from: number): Promise<number> {
  const { store } = await LevelLogStore.open({ folder, identity, founding });
  const latencies: number[] = [];
  let next = from;
  const cpu = process.cpuUsage();
  const begin = performance.now();
  while (performance.now() - begin < 1500) {
    const entries = makeEntries(next, batch);
    next += batch;
    const before = performance.now();
    await new Promise<void>((resolve, reject) => {
      store.write({ entries }, (error) => (error === undefined ? resolve() : reject(error)));
    });
    latencies.push(performance.now() - before);
  }
  const seconds = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(cpu);
  latencies.sort((one, other) => one - other);
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  const perSecond = Math.round((next - from) / seconds);
  const cores = ((used.user + used.system) / 1e6 / seconds).toFixed(2);
  console.log(`batch ${batch}: ${perSecond}/s p50 ${at(0.5)} p99 ${at(0.99)} ms, ${cores} cores`);
  await store[Symbol.asyncDispose]();
  return next;
}

async function fill(folder: string, from: number, total: number): Promise<void> {
  const { store } = await LevelLogStore.open({ folder, identity, founding });
  for (let next = from; next <= total;) {
    const count = Math.min(256, total + 1 - next);
    const entries = makeEntries(next, count);
    next += count;
    await new Promise<void>((resolve, reject) => {
      store.write({ entries }, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }
  await store[Symbol.asyncDispose]();
}

await main();
