/**
 * Three cores under random inputs, compared with a slow obvious model after every step.
 *
 * A run is a list of steps drawn from one seed. When one breaks a promise, steps are left out as
 * long as it still does; the message has the seed and what is left.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { ManualGroup } from "./testing/manual-group.ts";
import { SlowModel } from "./testing/slow-model.ts";

const SEEDS = 150;
const STEPS = 1_500;
const IDS = [1, 2, 3];

/** `number` picks among what there is: the message, or how many ticks. */
interface Step {
  readonly type:
    | "deliver"
    | "overtake"
    | "repeat"
    | "lose"
    | "cut"
    | "persist"
    | "tick"
    | "campaign"
    | "propose"
    | "read"
    | "compact"
    | "restart";
  readonly id: number;
  readonly number: number;
}

/** How often each comes, of 100. */
const WEIGHTS: readonly (readonly [Step["type"], number])[] = [
  ["deliver", 28],
  ["overtake", 6],
  ["repeat", 3],
  ["lose", 2],
  ["cut", 1],
  ["persist", 27],
  ["tick", 8],
  ["campaign", 6],
  ["propose", 8],
  ["read", 4],
  ["compact", 4],
  ["restart", 3],
];
const KINDS = WEIGHTS.flatMap(([type, weight]) => Array<Step["type"]>(weight).fill(type));

interface Reached {
  readonly elections: number;
  readonly committed: number;
  readonly installed: number;
  readonly reads: number;
}

function drawSteps(seed: number): Step[] {
  const prng = new Prng(seed);
  return Array.from({ length: STEPS }, () => {
    return { type: prng.pick(KINDS), id: prng.pick(IDS), number: prng.below(1_000) };
  });
}

function newGroup(): ManualGroup {
  // So small that logs are read back and snapshots come in pieces.
  const settings = { snapshotChunkBytes: 8, applyBytesMax: 200, tailBytesMax: 1 };
  return new ManualGroup(IDS, { settings });
}

/** Throws at the first step after which a promise is broken. */
function run(steps: readonly Step[], group: ManualGroup): Reached {
  const model = new SlowModel(group, IDS);
  for (const [at, step] of steps.entries()) {
    group.lines.push(`* ${step.type} ${step.id} ${step.number}`);
    play(group, model, step, at);
    model.check();
  }
  const count = (pattern: RegExp): number =>
    group.lines.filter((line) => pattern.test(line)).length;
  return {
    elections: model.elections,
    committed: model.chosen.size,
    installed: count(/^\d installs/),
    reads: count(/^\d read \d+ is ready/),
  };
}

function play(group: ManualGroup, model: SlowModel, { type, id, number }: Step, at: number): void {
  const picked = group.inFlight[number % Math.max(1, group.inFlight.length)];
  switch (type) {
    case "deliver":
      group.deliver(({ to }) => to === id);
      break;
    case "overtake":
      group.deliver((message) => message === picked);
      break;
    case "repeat":
      if (picked !== undefined) group.step(picked.to, { type: "message", message: picked });
      break;
    case "lose":
      group.drop(({ to }) => to === id);
      break;
    case "cut":
      // Or what was cut off is not any more.
      group.linked = (from, to): boolean => number % 2 === 0 || (from !== id && to !== id);
      break;
    case "persist":
      group.persist(id, 1);
      break;
    case "tick":
      group.tick(id, 1 + (number % 16));
      break;
    case "campaign":
      // Whoever asks and whoever is asked does so without a leader only.
      group.step(id, { type: "forgetLeader" });
      if (number % 2 === 0) group.step(id, { type: "campaign" });
      break;
    case "propose":
      group.step(id, { type: "propose", proposal: at + 1, data: [new Uint8Array([at, number])] });
      break;
    case "read":
      model.reads(id, at + 1);
      group.step(id, { type: "readIndex", read: at + 1 });
      break;
    case "compact": {
      // As a driver does it: only what is durable as log.
      const { appliedIndex, stableIndex, snapshotIndex } = group.core(id).view();
      if (appliedIndex > snapshotIndex && stableIndex >= appliedIndex) group.snapshot(id, 20);
      break;
    }
    case "restart":
      group.restart(id);
      model.restarts(id);
      break;
  }
}

/** What was reached, or the message of what broke. */
function tryRun(steps: readonly Step[], group: ManualGroup = newGroup()): Reached | string {
  try {
    return run(steps, group);
  } catch (error) {
    return String(error);
  }
}

/** Leaves out ever smaller pieces as long as `fails` holds for the rest. */
function shrink<T>(steps: readonly T[], fails: (steps: readonly T[]) => boolean): readonly T[] {
  let left = steps;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < left.length;) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (fails(without)) left = without;
      else at += size;
    }
  }
  return left;
}

test(`three cores keep every promise over random inputs (seeds 1 to ${SEEDS})`, () => {
  const sum = { elections: 0, committed: 0, installed: 0, reads: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const steps = drawSteps(seed);
    const reached = tryRun(steps);
    if (typeof reached === "string") {
      const left = shrink(steps, (fewer) => typeof tryRun(fewer) === "string");
      const group = newGroup();
      const short = tryRun(left, group);
      assert.fail(`seed ${seed}: ${reached}\nin short:\n${group.lines.join("\n")}\n${short}`);
    }
    for (const key of Object.keys(sum) as (keyof Reached)[]) sum[key] += reached[key];
  }
  // A run in which nothing happens proves nothing.
  const met = JSON.stringify(sum);
  assert.ok(sum.elections > SEEDS && sum.committed > 5 * SEEDS, met);
  assert.ok(sum.installed >= 10 && sum.reads >= SEEDS, met);
});

test("shrink() leaves what is needed to fail", () => {
  const steps = Array.from({ length: 100 }, (_, at) => at);
  assert.deepEqual(
    shrink(steps, (left) => left.includes(17) && left.includes(80)),
    [17, 80],
  );
});
