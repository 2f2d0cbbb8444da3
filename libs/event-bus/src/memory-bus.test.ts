/**
 * The in-memory bus passes the contract, whatever the order of deliveries, and its faults are the
 * faults they are called.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { busContract } from "@atoll/event-bus/contract";
import type { BusWorld, Condition } from "@atoll/event-bus/contract";
import { MemoryBus } from "@atoll/event-bus";
import type { BusScheduler } from "@atoll/event-bus";
import { Prng } from "@atoll/stdx";

const STEPS_MAX = 200_000;

/** Virtual time; each delivery takes a random while. */
class StepScheduler implements BusScheduler {
  readonly #prng: Prng;
  readonly #queue: { at: number; order: number; run: () => void }[] = [];
  #nowMs = 0;
  #order = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  deliver(_delivery: string, run: () => void): void {
    this.#add(this.#prng.below(5), run);
  }

  after(delayMs: number, run: () => void): () => void {
    let cancelled = false;
    this.#add(delayMs, () => {
      if (!cancelled) run();
    });
    return () => {
      cancelled = true;
    };
  }

  step(): boolean {
    let next = 0;
    for (let at = 1; at < this.#queue.length; at += 1) {
      const [one, best] = [this.#queue[at]!, this.#queue[next]!];
      if (one.at < best.at || (one.at === best.at && one.order < best.order)) next = at;
    }
    const [task] = this.#queue.splice(next, 1);
    if (task === undefined) return false;
    this.#nowMs = task.at;
    task.run();
    return true;
  }

  settle(): void {
    while (this.step());
  }

  #add(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#queue.push({ at: this.#nowMs + delayMs, order: this.#order, run });
  }
}

function worldOf(bus: MemoryBus): BusWorld {
  return {
    agent: (node) => bus.agent(node),
    orchestrator: () => bus.orchestrator(),
    stopServer: () => bus.stopServer(),
    startServer: () => bus.startServer(),
    deleteStream: () => bus.replaceStream(),
  };
}

function drive(conditions: Generator<Condition, void, void>, scheduler: StepScheduler): void {
  for (const condition of conditions) {
    let steps = 0;
    while (!condition.holds()) {
      steps += 1;
      assert.ok(steps < STEPS_MAX, `never: ${condition.what}`);
      scheduler.step();
    }
  }
}

for (const one of busContract()) {
  test(`MemoryBus contract: ${one.name}`, () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const scheduler = new StepScheduler(seed);
      const bus = new MemoryBus(scheduler, one.options);
      drive(one.run(worldOf(bus)), scheduler);
    }
  });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

interface Scene {
  readonly bus: MemoryBus;
  readonly scheduler: StepScheduler;
  readonly read: string[];
  readonly answers: string[];
  readonly publish: (text: string) => void;
  readonly agent: ReturnType<MemoryBus["agent"]>;
}

function scene(): Scene {
  const scheduler = new StepScheduler(3);
  const bus = new MemoryBus(scheduler);
  const agent = bus.agent("n1");
  const read: string[] = [];
  const answers: string[] = [];
  bus.orchestrator().readFacts(undefined, (batch, ready) => {
    for (const { payload, sequence } of batch.messages) {
      read.push(`${batch.created}/${sequence} ${new TextDecoder().decode(payload)}`);
    }
    ready();
  });
  scheduler.settle();
  const publish = (text: string): void => {
    agent.publishFacts(bytes(text), (error) => answers.push(`${text} ${error?.message ?? "ok"}`));
  };
  return { bus, scheduler, read, answers, publish, agent };
}

test("MemoryBus.loseTail() of what was read leads to another stream", () => {
  const { bus, scheduler, read, publish } = scene();
  for (const text of ["a", "b", "c"]) publish(text);
  scheduler.settle();
  bus.loseTail(2);
  scheduler.settle();
  publish("d");
  scheduler.settle();
  assert.deepEqual(read, ["memory-1/1 a", "memory-1/2 b", "memory-1/3 c", "memory-2/1 d"]);
});

test("MemoryBus.loseWhere() leaves a gap and keeps the order", () => {
  const { bus, scheduler, read, publish, agent } = scene();
  const orchestrator = bus.orchestrator();
  scheduler.settle();
  for (const text of ["a", "b", "c"]) publish(text);
  scheduler.settle();
  bus.loseWhere((message) => message.sequence === 2);
  const again: number[] = [];
  orchestrator.readFacts(undefined, (batch) => {
    again.push(...batch.messages.map((message) => message.sequence));
  });
  scheduler.settle();
  assert.deepEqual([read.length, again], [3, [1, 3]]);
  void agent.close();
});

test("MemoryBus.cut() loses what is under way, or lets it arrive unacknowledged", () => {
  for (const inFlight of ["lost", "arrives"] as const) {
    const { bus, scheduler, answers, publish, agent } = scene();
    publish("a");
    bus.cut(agent, inFlight);
    assert.equal(bus.storedCount, inFlight === "arrives" ? 1 : 0);
    assert.match(answers.join(), /^a the connection ended/);
    bus.heal(agent);
    scheduler.settle();
    publish("a");
    scheduler.settle();
    assert.equal(bus.storedCount, inFlight === "arrives" ? 2 : 1);
    assert.equal(answers.at(-1), "a ok");
  }
});

test("MemoryBus gives the same run for the same seed", () => {
  const run = (): string => {
    const { bus, scheduler, read, answers, publish } = scene();
    for (let at = 0; at < 50; at += 1) publish(`k${at}`);
    for (let step = 0; step < 60; step += 1) scheduler.step();
    bus.loseTail(3);
    scheduler.settle();
    for (let at = 0; at < 50; at += 1) publish(`k${at}`);
    scheduler.settle();
    return JSON.stringify([read, answers]);
  };
  assert.equal(run(), run());
});
