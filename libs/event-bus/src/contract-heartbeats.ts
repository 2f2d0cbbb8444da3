/**
 * Contract cases about heartbeats: their shards, probes, and what replicas tell each other of them.
 */
import type { BusWorld, Condition, ContractCase } from "./contract.ts";
import {
  connected,
  contractCase,
  disconnected,
  expectEqual,
  numberPayload,
  payloadNumber,
  sendUntil,
  until,
} from "./contract-support.ts";
import { allHeartbeatShards, heartbeatShardOf } from "./heartbeat-shards.ts";

export function heartbeatCases(): readonly ContractCase[] {
  return [
    contractCase("publishHeartbeat() reaches every orchestrator with the node", heartbeats),
    contractCase("hearShards() lets through the nodes of these shards alone", shards),
    contractCase("hearShards() holds across reconnects", reconnects),
    contractCase("probe() brings a heartbeat of that node, whatever shards are heard", probes),
    contractCase("publishWatch() reaches every orchestrator, its sender too", watches),
    contractCase("onLink() names the server while there is a connection", links),
  ];
}

/** The nodes and numbers that one orchestrator has heard. */
function ears(bus: ReturnType<BusWorld["orchestrator"]>): string[] {
  const seen: string[] = [];
  bus.onHeartbeat((node, payload) => seen.push(`${node} ${payloadNumber(payload)}`));
  return seen;
}

function* heartbeats(world: BusWorld): Generator<Condition, void, void> {
  const [first, second] = [world.orchestrator(), world.orchestrator()];
  const agent = world.agent("n1");
  const seen: [string[], string[]] = [[], ears(second)];
  const forget = first.onHeartbeat((node, payload) =>
    seen[0].push(`${node} ${payloadNumber(payload)}`),
  );
  for (const bus of [first, second]) bus.hearShards(allHeartbeatShards());
  yield* connected(first);
  yield* connected(second);
  yield* connected(agent);
  const both = (): boolean => seen[0].length > 0 && seen[1].length > 0;
  yield* sendUntil("both see it", () => agent.publishHeartbeat(numberPayload(42)), both);
  expectEqual([seen[0][0], seen[1][0]], ["n1 42", "n1 42"], "seen");
  forget();
  const before = seen[0].length;
  const known = seen[1].length;
  agent.publishHeartbeat(numberPayload(43));
  yield until("the other one goes on", () => seen[1].includes("n1 43") && seen[1].length > known);
  expectEqual(seen[0].length, before, "seen after unsubscribing");
}

function* shards(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  const [first, second] = [world.agent("n1"), world.agent("n2")];
  expectEqual(heartbeatShardOf("n1") === heartbeatShardOf("n2"), false, "one shard");
  const seen = ears(orchestrator);
  yield* connected(orchestrator);
  yield* connected(first);
  yield* connected(second);
  const beat = (number: number): void => {
    first.publishHeartbeat(numberPayload(number));
    second.publishHeartbeat(numberPayload(number));
  };
  for (const [number, node] of ["n1", "n2"].entries()) {
    orchestrator.hearShards(new Set([heartbeatShardOf(node)]));
    const heard = (): boolean => seen.includes(`${node} ${number}`);
    yield* sendUntil(`${node} is heard`, () => beat(number), heard);
    const other = node === "n1" ? "n2" : "n1";
    expectEqual(seen.includes(`${other} ${number}`), false, "heard of another shard");
  }
}

function* reconnects(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  const agent = world.agent("n1");
  const seen = ears(orchestrator);
  orchestrator.hearShards(allHeartbeatShards());
  yield* connected(orchestrator);
  world.stopServer();
  yield* disconnected(orchestrator);
  world.startServer();
  yield* connected(orchestrator);
  yield* connected(agent);
  const heard = (): boolean => seen.length > 0;
  yield* sendUntil("it is heard", () => agent.publishHeartbeat(numberPayload(1)), heard);
}

function* probes(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  const [first, second] = [world.agent("n1"), world.agent("n2")];
  let answers = 0;
  first.onProbe((answer) => {
    answers += 1;
    answer(numberPayload(answers));
  });
  second.onProbe(() => {
    throw new Error("n2 was probed");
  });
  const seen = ears(orchestrator);
  yield* connected(orchestrator);
  yield* connected(first);
  yield* connected(second);
  orchestrator.probe("absent");
  yield* sendUntil(
    "it answers",
    () => orchestrator.probe("n1"),
    () => seen.length > 0,
  );
  expectEqual(seen[0], "n1 1", "heard");
}

function* watches(world: BusWorld): Generator<Condition, void, void> {
  const [first, second] = [world.orchestrator(), world.orchestrator()];
  const seen: [string[], string[]] = [[], []];
  first.onWatch((replica, payload) => seen[0].push(`${replica} ${payloadNumber(payload)}`));
  second.onWatch((replica, payload) => seen[1].push(`${replica} ${payloadNumber(payload)}`));
  yield* connected(first);
  yield* connected(second);
  const both = (): boolean => seen[0].length > 0 && seen[1].length > 0;
  yield* sendUntil("both see it", () => first.publishWatch(7, numberPayload(9)), both);
  expectEqual([seen[0][0], seen[1][0]], ["7 9", "7 9"], "seen");
}

function* links(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  let server = "";
  orchestrator.onLink((state) => {
    expectEqual(state.connected, state.server !== "", "a server is named");
    server = state.server;
  });
  yield until("it is connected", () => server !== "");
  world.stopServer();
  yield until("it is disconnected", () => server === "");
}
