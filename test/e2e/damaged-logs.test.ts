/**
 * Replicas whose logs are damaged or gone: repaired with what the others have where only entries
 * are lost, rebuilt from them while a majority is healthy, a clear stop otherwise; nothing that was
 * acknowledged is ever missing.
 *
 * Real processes; the damage is done to the files of one that was killed.
 */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startLab, type Lab } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { endOfRecords, flipBytes, loseMarker, SEGMENT } from "../linearizability/disk-damage.ts";
import { StoryApi } from "../story/api.ts";
import { untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";

const READY_MS = 30_000;
const ANSWER_MS = 5_000;

let stateDir: string;
let lab: Lab;
let api: StoryApi;
let agents = 1;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-damage-"));
  lab = await startLab({ stateDir, portBase: 0, agents: 1, machine: false, restart: false });
  api = new StoryApi(lab.gatewayAddress);
  await untilState(api, "n1", NodeState.NODE_STATE_DISCOVERED, READY_MS);
});

after(async () => {
  api?.[Symbol.dispose]();
  await lab?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

interface Check {
  readonly ok: boolean;
  readonly detail: string;
}

interface Health {
  readonly httpStatus: number;
  readonly checks: { readonly log: Check; readonly raft: Check };
}

function nameOf(id: number): string {
  return `orchestrator-${id}`;
}

function folderOf(id: number): string {
  return join(lab.process(nameOf(id)).spec.dataDir, "raft");
}

function logOf(id: number): string {
  return readFileSync(lab.process(nameOf(id)).spec.logFile, "utf8");
}

/** Undefined while it does not answer. */
async function healthOf(id: number): Promise<Health | undefined> {
  const port = lab.process(nameOf(id)).spec.ports["admin"];
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal });
    const { checks } = (await answer.json()) as Pick<Health, "checks">;
    return { httpStatus: answer.status, checks };
  } catch {
    return undefined;
  }
}

async function logCheck(id: number): Promise<Check | undefined> {
  return (await healthOf(id))?.checks.log;
}

async function untilWhole(id: number): Promise<void> {
  await timeUntil(
    `replica ${id} is whole`,
    READY_MS,
    async () => (await logCheck(id))?.ok === true,
  );
}

/** One more lab agent is one more node, whose facts the group must commit. */
async function work(): Promise<void> {
  agents += 1;
  const name = `d${agents}`;
  await lab.addAgent({ name });
  await untilState(api, name, NodeState.NODE_STATE_DISCOVERED, READY_MS);
}

/** Everybody is there and has applied the same. */
async function untilEqual(): Promise<void> {
  await timeUntil("all replicas have applied the same", READY_MS, async () => {
    const { replicas } = await api.dc();
    const applied = new Set(replicas.map(({ appliedIndex }) => appliedIndex));
    return (
      replicas.length === 3 && replicas.every(({ reachable }) => reachable) && applied.size === 1
    );
  });
}

async function historyOf(): Promise<string[]> {
  return (await api.events()).map((event) => JSON.stringify(event));
}

const SEGMENT_HEADER_BYTES = 64;
const FRAME_HEADER_BYTES = 24;

/** A record in its segment: where it is, and which entries it holds. */
interface Place {
  readonly at: number;
  readonly bytes: number;
  readonly first: number;
  readonly count: number;
}

/** All records, in order; see the headers of segment-frame.ts and record.ts. */
function recordsOf(folder: string): Place[] {
  const file = readFileSync(join(folder, SEGMENT));
  const places: Place[] = [];
  let frame = SEGMENT_HEADER_BYTES;
  while (file.toString("latin1", frame, frame + 4) === "ATLF") {
    const bytes = file.readUInt32LE(frame + 4);
    const at = frame + FRAME_HEADER_BYTES;
    const first = Number(file.readBigUInt64LE(at + 40));
    places.push({ at, bytes, first, count: file.readUInt32LE(at + 12) });
    frame = Math.ceil((at + bytes) / 8) * 8;
  }
  return places;
}

function endOf(folder: string): number {
  const { first, count } = recordsOf(folder).at(-1) as Place;
  return first + count - 1;
}

/** Flips bytes within one record. */
function flipRecord(folder: string, { at, bytes }: Place): void {
  flipBytes(folder, at + (bytes >> 1));
}

/** Damages a record with entries behind `begin`, none of which is in `others`; gives its place. */
function loseRecord(folder: string, begin: number, others: readonly Place[]): Place {
  const place = recordsOf(folder).find(
    ({ first, count }) =>
      count > 0 &&
      first > begin &&
      others.every((other) => first + count <= other.first || other.first + other.count <= first),
  );
  assert.ok(place !== undefined, `no record behind ${begin} is apart from those of the others`);
  flipRecord(folder, place);
  return place;
}

/** Starts replicas without waiting: while a majority is damaged, none gets ready. */
function startAll(ids: readonly number[]): void {
  for (const id of ids) void lab.start(nameOf(id)).catch(() => {});
}

const DAMAGES: readonly (readonly [string, (folder: string) => void])[] = [
  [
    "a bit in the middle of the records flipped",
    (folder): void => flipBytes(folder, endOfRecords(folder) >> 1),
  ],
  ["the marker is gone", loseMarker],
  ["the database's own files are gone", (folder): void => rmSync(join(folder, "meta", "CURRENT"))],
];

for (const [at, [name, damage]] of DAMAGES.entries()) {
  const id = at + 1;
  test(`replica ${id} is rebuilt from the others: ${name}`, async () => {
    await work();
    const before = await historyOf();
    await lab.process(nameOf(id)).kill("SIGKILL");
    damage(folderOf(id));
    await work();
    await lab.start(nameOf(id));
    await untilWhole(id);
    assert.match(logOf(id), /the log is damaged and was put aside/);
    await timeUntil("it says so", READY_MS, async () => /this replica is whole/.test(logOf(id)));
    const kept = readdirSync(lab.process(nameOf(id)).spec.dataDir);
    assert.deepEqual(
      kept.filter((each) => each.startsWith("raft")),
      ["raft", "raft.damaged-000001"],
    );
    await work();
    await untilEqual();
    assert.deepEqual((await historyOf()).slice(0, before.length), before);
  });
}

test("a wiped replica is rebuilt, and can then carry the group", async () => {
  const before = await historyOf();
  await lab.process(nameOf(1)).kill("SIGKILL");
  rmSync(lab.process(nameOf(1)).spec.dataDir, { recursive: true });
  await lab.start(nameOf(1));
  await untilWhole(1);
  assert.match(logOf(1), /its folder was blank/);
  // What 2 alone had beside 3 is on 1 now.
  await lab.process(nameOf(3)).kill("SIGKILL");
  await work();
  assert.deepEqual((await historyOf()).slice(0, before.length), before);
  await lab.start(nameOf(3));
  await untilEqual();
});

test("a folder that was replaced by its older copy is found out and rebuilt", async () => {
  const name = nameOf((await api.leader()) === nameOf(3) ? 2 : 3);
  const id = Number(name.at(-1));
  await lab.process(name).kill("SIGKILL");
  const older = join(stateDir, "older-log");
  cpSync(folderOf(id), older, { recursive: true });
  await lab.start(name);
  await work();
  await untilEqual();
  const before = await historyOf();
  await lab.process(name).kill("SIGKILL");
  rmSync(folderOf(id), { recursive: true });
  cpSync(older, folderOf(id), { recursive: true });
  // It may end before it is seen to be ready.
  await lab.start(name).catch(() => {});
  await timeUntil("its leader told it", READY_MS, async () => {
    return lab.process(name).state !== "ready" && logOf(id).includes("LOG_LOST");
  });
  await lab.start(name);
  await untilWhole(id);
  assert.match(logOf(id), /damaged at the end of the log: acknowledged entries are lost/);
  await untilEqual();
  assert.deepEqual((await historyOf()).slice(0, before.length), before);
});

test("a repair that was cut off before its last step is ended by the next start", async () => {
  await lab.process(nameOf(1)).kill("SIGKILL");
  const told = logOf(1).length;
  renameSync(folderOf(1), `${folderOf(1)}.repaired`);
  await lab.start(nameOf(1));
  await untilWhole(1);
  assert.doesNotMatch(logOf(1).slice(told), /does not count until it is whole/);
  await untilEqual();
});

for (const ids of [
  [1, 2],
  [1, 2, 3],
]) {
  test(`replicas ${ids.join(", ")} lose entries at once and repair their logs`, async () => {
    await work();
    await untilEqual();
    const begin = endOf(folderOf(3));
    for (let count = 0; count < 4; count += 1) await work();
    await untilEqual();
    const before = await historyOf();
    for (const id of ids) await lab.process(nameOf(id)).kill("SIGKILL");
    const told = ids.map((id) => logOf(id).length);
    const lost: Place[] = [];
    for (const id of ids) lost.push(loseRecord(folderOf(id), begin, lost));
    startAll(ids);
    for (const id of ids) await untilWhole(id);
    for (const [at, id] of ids.entries()) {
      const said = logOf(id).slice(told[at]);
      assert.match(said, /entries [0-9]+ to [0-9]+ are asked of the others/);
      assert.match(said, /this replica is whole: its log was repaired/);
      assert.doesNotMatch(said, /does not count until it is whole/);
    }
    await untilEqual();
    assert.deepEqual((await historyOf()).slice(0, before.length), before);
    await work();
    await untilEqual();
  });
}

test("two damaged at once stop clearly, and go on when one comes back", async () => {
  await work();
  const before = await historyOf();
  for (const id of [1, 2]) await lab.process(nameOf(id)).kill("SIGKILL");
  const good = join(stateDir, "good-log");
  cpSync(folderOf(2), good, { recursive: true });
  // Without their ends nobody knows what these two have promised.
  for (const place of recordsOf(folderOf(1)).slice(-2)) flipRecord(folderOf(1), place);
  loseMarker(folderOf(2));
  startAll([1, 2]);
  for (const id of [1, 2]) {
    const { value } = await timeUntil(`replica ${id} says why it stops`, READY_MS, async () => {
      const check = await logCheck(id);
      return check?.detail.includes("no majority is healthy") === true && check;
    });
    assert.match(value.detail, /damaged at (record [0-9]+|the marker)/);
    assert.match(value.detail, /raft\.damaged-00000/);
  }
  const { replicas } = await api.dc();
  assert.deepEqual(
    replicas.filter(({ reachable, role }) => reachable && role === "leader"),
    [],
    "nobody leads, so nothing is served that might be wrong",
  );
  const health = await healthOf(3);
  assert.equal(health?.httpStatus, 503, "the whole one is not ready by itself");
  assert.match(health.checks.raft.detail, /no leader is known/);
  await lab.process(nameOf(2)).kill("SIGKILL");
  rmSync(folderOf(2), { recursive: true });
  cpSync(good, folderOf(2), { recursive: true });
  await lab.start(nameOf(2));
  await untilWhole(1);
  await timeUntil("all are ready", READY_MS, async () => {
    const all = await Promise.all([1, 2, 3].map(healthOf));
    return all.every((each) => each?.httpStatus === 200);
  });
  await work();
  await untilEqual();
  assert.deepEqual((await historyOf()).slice(0, before.length), before);
});
