/**
 * Contract cases about directives and orders, which are not stored.
 */
import type { BusWorld, Condition, ContractCase } from "./contract.ts";
import {
  connected,
  contractCase,
  expectEqual,
  numberPayload,
  payloadNumber,
  sendUntil,
  until,
} from "./contract-support.ts";
import type { AgentBus, OrchestratorBus } from "./port.ts";

export function messageCases(): readonly ContractCase[] {
  return [
    contractCase("sendDirective() reaches its node alone", directives),
    contractCase("sendOrder() brings the reply of its node, at once or later", orders),
    contractCase("sendOrder() gives up when nobody listens", nobodyListens),
    contractCase("sendOrder() gives up after its time and ignores the late reply", lateReply),
    contractCase("sendOrder() is refused without a connection", withoutConnection),
  ];
}

function* directives(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  const [first, second] = [world.agent("n1"), world.agent("n2")];
  const seen: string[] = [];
  first.onDirective((payload) => seen.push(`n1 ${payloadNumber(payload)}`));
  second.onDirective((payload) => seen.push(`n2 ${payloadNumber(payload)}`));
  yield* connected(orchestrator);
  yield* connected(first);
  yield* connected(second);
  yield* sendUntil(
    "n2 sees its own",
    () => orchestrator.sendDirective("n2", numberPayload(2)),
    () => seen.includes("n2 2"),
  );
  yield* sendUntil(
    "n1 sees its own",
    () => orchestrator.sendDirective("n1", numberPayload(1)),
    () => seen.includes("n1 1"),
  );
  expectEqual([...new Set(seen)].toSorted(), ["n1 1", "n2 2"], "seen");
}

/** Waits until an order finds the agent. */
function* reachable(
  orchestrator: OrchestratorBus,
  node: string,
  probe: Uint8Array,
): Generator<Condition, void, void> {
  let reply: Uint8Array | undefined;
  while (reply === undefined) {
    let answered = false;
    orchestrator.sendOrder(node, probe, 2_000, (answer) => {
      answered = true;
      reply = answer;
    });
    yield until("the probe is answered or given up", () => answered);
  }
}

function* orderPair(
  world: BusWorld,
  handler: (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void,
): Generator<Condition, [OrchestratorBus, AgentBus], void> {
  const orchestrator = world.orchestrator();
  const agent = world.agent("n1");
  agent.onOrder((payload, reply) => {
    if (payload.length === 0) reply(payload);
    else handler(payload, reply);
  });
  yield* connected(orchestrator);
  yield* connected(agent);
  yield* reachable(orchestrator, "n1", new Uint8Array(0));
  return [orchestrator, agent];
}

function* orders(world: BusWorld): Generator<Condition, void, void> {
  const kept: (() => void)[] = [];
  const [orchestrator] = yield* orderPair(world, (payload, reply) => {
    const number = payloadNumber(payload);
    const answer = (): void => reply(numberPayload(number * 2));
    if (number === 1) answer();
    else kept.push(answer);
  });
  const replies = new Map<string, number | undefined>();
  for (const number of [1, 2, 3]) {
    orchestrator.sendOrder("n1", numberPayload(number), 10_000, (reply) => {
      replies.set(String(number), reply && payloadNumber(reply));
    });
  }
  yield until(
    "the first is answered and the others wait",
    () => replies.size === 1 && kept.length === 2,
  );
  for (const answer of kept.toReversed()) answer();
  yield until("all are answered", () => replies.size === 3);
  expectEqual(replies, { 1: 2, 2: 4, 3: 6 }, "replies");
}

function* nobodyListens(world: BusWorld): Generator<Condition, void, void> {
  const orchestrator = world.orchestrator();
  yield* connected(orchestrator);
  const outcomes: (Uint8Array | undefined)[] = [];
  orchestrator.sendOrder("absent", numberPayload(1), 3_000, (reply) => outcomes.push(reply));
  expectEqual(outcomes.length, 0, "answers before sendOrder() has returned");
  yield until("it is given up", () => outcomes.length === 1);
  expectEqual(outcomes[0] === undefined, true, "no reply");
}

function* lateReply(world: BusWorld): Generator<Condition, void, void> {
  let answer: (() => void) | undefined;
  const [orchestrator] = yield* orderPair(world, (payload, reply) => {
    answer = () => reply(payload);
  });
  const outcomes: (Uint8Array | undefined)[] = [];
  orchestrator.sendOrder("n1", numberPayload(1), 50, (reply) => outcomes.push(reply));
  yield until(
    "it has arrived and is given up",
    () => outcomes.length === 1 && answer !== undefined,
  );
  answer?.();
  yield* reachable(orchestrator, "n1", new Uint8Array(0));
  expectEqual(outcomes.length, 1, "answers");
  expectEqual(outcomes[0] === undefined, true, "no reply");
}

function* withoutConnection(world: BusWorld): Generator<Condition, void, void> {
  world.stopServer();
  const orchestrator = world.orchestrator();
  const outcomes: (Uint8Array | undefined)[] = [];
  orchestrator.sendOrder("n1", numberPayload(1), 60_000, (reply) => outcomes.push(reply));
  orchestrator.sendDirective("n1", numberPayload(1));
  yield until("it is given up", () => outcomes.length === 1);
  expectEqual(outcomes[0] === undefined, true, "no reply");
}
