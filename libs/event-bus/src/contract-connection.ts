/**
 * Contract cases about connecting, losing the server, and closing.
 */
import type { BusWorld, Condition, ContractCase } from "./contract.ts";
import {
  Collector,
  connected,
  contractCase,
  disconnected,
  expectEqual,
  numberPayload,
  publish,
  publishOnceUp,
  publishCode,
  until,
} from "./contract-support.ts";

export function connectionCases(): readonly ContractCase[] {
  return [
    contractCase("onConnection() tells the state at once and at every change", tellsChanges),
    contractCase("clients connect by themselves when the server comes later", connectsLater),
    contractCase("publishFacts() is refused with NOT_CONNECTED while there is no server", refuses),
    contractCase(
      "readFacts() goes on behind a restart of the server, without gap",
      survivesRestart,
    ),
    contractCase("close() refuses what comes after it and tells", closes),
  ];
}

function* tellsChanges(world: BusWorld): Generator<Condition, void, void> {
  const agent = world.agent("n1");
  yield* connected(agent);
  const states: boolean[] = [];
  const forget = agent.onConnection((state) => {
    // The reason may change while it is not connected.
    if (states[states.length - 1] !== state.connected) states.push(state.connected);
  });
  expectEqual(states, [true], "told at once");
  world.stopServer();
  yield until("it tells the loss", () => states.length === 2);
  world.startServer();
  yield until("it tells the return", () => states.length === 3);
  expectEqual(states, [true, false, true], "states told");
  forget();
  world.stopServer();
  yield* disconnected(agent);
  expectEqual(states.length, 3, "states told after unsubscribing");
}

function* connectsLater(world: BusWorld): Generator<Condition, void, void> {
  world.stopServer();
  const agent = world.agent("n1");
  const orchestrator = world.orchestrator();
  const reader = new Collector(orchestrator);
  world.startServer();
  yield* connected(orchestrator);
  yield* connected(agent);
  yield* publish(agent, "a", numberPayload(7));
  yield until("it is read", () => reader.count === 1);
}

function* refuses(world: BusWorld): Generator<Condition, void, void> {
  const agent = world.agent("n1");
  yield* connected(agent);
  world.stopServer();
  yield* disconnected(agent);
  expectEqual(yield* publishCode(agent, "a", numberPayload(1)), "NOT_CONNECTED", "code");
  agent.publishHeartbeat(numberPayload(1));
}

function* survivesRestart(world: BusWorld): Generator<Condition, void, void> {
  const agent = world.agent("n1");
  const orchestrator = world.orchestrator();
  yield* connected(agent);
  yield* connected(orchestrator);
  const reader = new Collector(orchestrator);
  for (let number = 1; number <= 3; number += 1) {
    yield* publish(agent, `k${number}`, numberPayload(number));
  }
  yield until("three are read", () => reader.count === 3);
  world.stopServer();
  yield* disconnected(agent);
  yield* disconnected(orchestrator);
  world.startServer();
  yield* connected(agent);
  for (let number = 4; number <= 6; number += 1) {
    yield* publishOnceUp(agent, `k${number}`, numberPayload(number));
  }
  yield until("six are read", () => reader.count >= 6);
  expectEqual(reader.numbers, [1, 2, 3, 4, 5, 6], "read over the restart");
  expectEqual(new Set(reader.batches.map((batch) => batch.created)).size, 1, "streams seen");
}

function* closes(world: BusWorld): Generator<Condition, void, void> {
  const agent = world.agent("n1");
  yield* connected(agent);
  void agent.close();
  yield* disconnected(agent);
  expectEqual(yield* publishCode(agent, "a", numberPayload(1)), "CLOSED", "code");
  agent.publishHeartbeat(numberPayload(1));
  const orchestrator = world.orchestrator();
  yield* connected(orchestrator);
  let replies = 0;
  orchestrator.sendOrder("n1", numberPayload(1), 60_000, () => (replies += 1));
  void orchestrator.close();
  yield until("the order is given up", () => replies === 1);
}
