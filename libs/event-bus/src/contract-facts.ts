/**
 * Contract cases about the stream: storing, reading, resuming, forgetting, losing.
 */
import { assert } from "@atoll/stdx";
import type { BusWorld, Condition, ContractCase } from "./contract.ts";
import {
  codeOf,
  Collector,
  connected,
  contractCase,
  expectEqual,
  numberPayload,
  publish,
  publishCode,
  until,
} from "./contract-support.ts";
import { BATCH_MESSAGES_MAX, PUBLISHES_IN_FLIGHT_MAX } from "./limits.ts";
import { PAYLOAD_BYTES_MAX } from "./port.ts";
import type { AgentBus, OrchestratorBus } from "./port.ts";

const SMALL_STREAM = { streamBytesMax: 3 * 1024 * 1024 };

export function factCases(): readonly ContractCase[] {
  return [
    contractCase("readFacts() gives node, payload and ascending sequences", givesMessages),
    contractCase("readFacts() keeps order over batches, each bounded, next after ready()", batches),
    contractCase("readFacts() begins behind the position it is given", resumes),
    contractCase("readFacts() begins anew when the position is of another stream", otherStream),
    contractCase("readFacts() follows to the new stream when the old one is deleted", follows),
    contractCase("readFacts() stops when unsubscribed and can be started again", stops),
    contractCase("publishFacts() stores a repetition again", storesAgain),
    contractCase("publishFacts() takes the largest payload and refuses a larger one", largest),
    contractCase("publishFacts() refuses past its window and answers each one", overloads),
    contractCase(
      "publishFacts() is refused when the stream is full, until some is forgotten",
      fills,
      SMALL_STREAM,
    ),
    contractCase("forgetFacts() forgets up to the position and nothing of another stream", forgets),
  ];
}

function* pair(world: BusWorld): Generator<Condition, [AgentBus, OrchestratorBus], void> {
  const orchestrator = world.orchestrator();
  yield* connected(orchestrator);
  const agent = world.agent("n1");
  yield* connected(agent);
  return [agent, orchestrator];
}

function* givesMessages(world: BusWorld): Generator<Condition, void, void> {
  const [first, orchestrator] = yield* pair(world);
  const second = world.agent("n2");
  yield* connected(second);
  yield* publish(first, "n1/1", numberPayload(11));
  yield* publish(second, "n2/1", numberPayload(21));
  yield* publish(first, "n1/2", new Uint8Array(0));
  const reader = new Collector(orchestrator);
  yield until("three are read", () => reader.count >= 3);
  const messages = reader.batches.flatMap((batch) => batch.messages);
  expectEqual(
    messages.map(({ node, payload, sequence }) => [node, [...payload], sequence]),
    [
      ["n1", [0, 0, 0, 11], 1],
      ["n2", [0, 0, 0, 21], 2],
      ["n1", [], 3],
    ],
    "messages",
  );
  assert(reader.position.created !== "", "the stream says when it was created");
}

function* batches(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  const reader = new Collector(orchestrator);
  reader.automatic = false;
  const total = 1_000;
  let stored = 0;
  for (let number = 0; number < total; number += 1) {
    if (number % 100 === 99) yield until("the window has room", () => stored >= number - 100);
    agent.publishFacts(numberPayload(number), (error) => {
      assert(error === undefined, `number ${number}: ${error?.message}`);
      stored += 1;
    });
  }
  yield until("all are stored", () => stored === total);
  yield until("a first batch is there", () => reader.batches.length > 0);
  expectEqual(reader.batches.length, 1, "batches before ready()");
  while (reader.count < total) {
    const before = reader.batches.length;
    const ready = reader.ready;
    ready?.();
    ready?.();
    yield until("the next batch is there", () => reader.batches.length > before);
    expectEqual(reader.batches.length, before + 1, "batches after one ready()");
  }
  const sizes = reader.batches.map((batch) => batch.messages.length);
  assert(Math.max(...sizes) <= BATCH_MESSAGES_MAX, `batch sizes ${sizes.join(" ")}`);
  expectEqual(
    reader.numbers,
    Array.from({ length: total }, (_, at) => at),
    "all in order",
  );
}

function* resumes(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  for (let number = 1; number <= 5; number += 1) {
    yield* publish(agent, `k${number}`, numberPayload(number));
  }
  const first = new Collector(orchestrator);
  yield until("five are read", () => first.count >= 5);
  first.stop();
  const created = first.position.created;
  const second = new Collector(orchestrator, { created, sequence: 3 });
  yield until("two are read", () => second.count >= 2);
  expectEqual(second.numbers, [4, 5], "behind 3");
  second.stop();
  const third = new Collector(orchestrator, { created, sequence: 5 });
  yield* publish(agent, "k6", numberPayload(6));
  yield until("one is read", () => third.count >= 1);
  expectEqual(third.numbers, [6], "behind 5");
}

function* otherStream(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  yield* publish(agent, "k1", numberPayload(1));
  const reader = new Collector(orchestrator, { created: "of another age", sequence: 1_000_000 });
  yield until("it is read", () => reader.count >= 1);
  expectEqual(reader.numbers, [1], "read");
}

function* follows(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  const reader = new Collector(orchestrator);
  yield* publish(agent, "k1", numberPayload(1));
  yield* publish(agent, "k2", numberPayload(2));
  yield until("two are read", () => reader.count >= 2);
  const old = reader.position;
  world.deleteStream();
  const followed = (): boolean => reader.position.created !== old.created;
  for (let attempt = 1; !followed(); attempt += 1) {
    // What went into the old stream is lost with it: the agent tries again, as it does in life.
    const code = yield* publishCode(agent, `after${attempt}`, numberPayload(3));
    assert(["stored", "NO_STREAM", "TIMEOUT"].includes(code), `code ${code}`);
    let looks = 0;
    yield until("it is read, or the time for another attempt", () => {
      looks += 1;
      return followed() || looks > 20;
    });
  }
  const first = reader.batches.find((batch) => batch.created !== old.created);
  expectEqual(first?.messages[0]?.sequence, 1, "first sequence of the new stream");
}

function* stops(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  const first = new Collector(orchestrator);
  yield* publish(agent, "k1", numberPayload(1));
  yield until("one is read", () => first.count >= 1);
  first.stop();
  yield* publish(agent, "k2", numberPayload(2));
  const second = new Collector(orchestrator, first.position);
  yield until("the second reading goes on", () => second.count >= 1);
  expectEqual([first.numbers, second.numbers], [[1], [2]], "read by each");
}

function* storesAgain(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  yield* publish(agent, "first", numberPayload(1));
  yield* publish(agent, "again", numberPayload(1));
  const reader = new Collector(orchestrator);
  yield until("two are read", () => reader.count >= 2);
  expectEqual(reader.numbers, [1, 1], "stored");
}

function* largest(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  const reader = new Collector(orchestrator);
  const payload = new Uint8Array(PAYLOAD_BYTES_MAX).fill(0x5a);
  yield* publish(agent, "largest", payload);
  const code = yield* publishCode(agent, "larger", new Uint8Array(PAYLOAD_BYTES_MAX + 1));
  expectEqual(code, "TOO_LARGE", "code");
  yield until("it is read", () => reader.count >= 1);
  const read = reader.batches[0]?.messages[0]?.payload;
  expectEqual([read?.length, read?.[0], read?.at(-1)], [payload.length, 0x5a, 0x5a], "payload");
}

function* overloads(world: BusWorld): Generator<Condition, void, void> {
  const [agent] = yield* pair(world);
  const outcomes: string[] = [];
  const total = PUBLISHES_IN_FLIGHT_MAX + 10;
  for (let number = 0; number < total; number += 1) {
    agent.publishFacts(numberPayload(number), (error) => {
      outcomes.push(error === undefined ? "stored" : codeOf(error));
    });
  }
  yield until("each is answered", () => outcomes.length === total);
  const refused = outcomes.filter((outcome) => outcome === "OVERLOADED").length;
  expectEqual(refused, 10, "refused");
  yield* publish(agent, "later", numberPayload(1));
}

function* fills(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  const payload = new Uint8Array(700_000);
  let code = "stored";
  let stored = 0;
  for (; code === "stored"; stored += 1) {
    assert(stored < 10, "the stream never fills");
    code = yield* publishCode(agent, `k${stored}`, payload);
  }
  expectEqual(code, "STREAM_FULL", "code");
  const reader = new Collector(orchestrator);
  yield until("all stored are read", () => reader.count === stored - 1);
  orchestrator.forgetFacts(reader.position.created, reader.position.sequence);
  let attempts = 0;
  do {
    attempts += 1;
    code = yield* publishCode(agent, `again${attempts}`, payload);
  } while (code === "STREAM_FULL");
  expectEqual(code, "stored", "code after forgetting");
}

function* forgets(world: BusWorld): Generator<Condition, void, void> {
  const [agent, orchestrator] = yield* pair(world);
  for (let number = 1; number <= 5; number += 1) {
    yield* publish(agent, `k${number}`, numberPayload(number));
  }
  const first = new Collector(orchestrator);
  yield until("five are read", () => first.count >= 5);
  first.stop();
  orchestrator.forgetFacts("of another age", 5);
  orchestrator.forgetFacts(first.position.created, 2);
  orchestrator.forgetFacts(first.position.created, 3);
  let seen: number[] = [];
  while (seen[0] !== 4) {
    const reader = new Collector(orchestrator);
    yield until("the rest is read", () => reader.numbers.includes(5));
    reader.stop();
    seen = reader.numbers;
    assert((seen[0] ?? 9) <= 4, `forgot too much: ${seen.join(" ")}`);
  }
  expectEqual(seen, [4, 5], "left");
}
