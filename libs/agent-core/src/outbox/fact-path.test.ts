/**
 * Nothing is lost and nothing is taken twice, whatever befalls NATS: each fault against real
 * servers, with outboxes that report all the while and the domain's decision behind the stream.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { NatsCluster, NatsServer, skipReason, until } from "@atoll/event-bus-nats/testing";
import { FACT_STREAM, FactPath } from "../testing/fact-path.ts";

const skip = skipReason ?? false;
const FROZEN_MS = 10_000;
/** Facts of all nodes together: so many before a fault, and at least so many behind it. */
const SOME = 150;

/** One thing that happens to three servers. */
type Fault = (path: FactPath, nats: NatsCluster) => Promise<void>;

const FAULTS: readonly (readonly [name: string, fault: Fault])[] = [
  ["the stream's leader is killed, and later back", killLeader],
  ["the stream's leader and the reading's are killed together", killBothLeaders],
  ["two of three servers are killed and come back", killTwo],
  ["all three servers are killed at once and come back", killAll],
  ["one server after the other loses its store", wipeEach],
  ["the stream's leader stands still for ten seconds", freezeLeader],
  ["the stream is deleted, and made anew with lower sequences", deleteStream],
];

/** One path lives through all of it, on one cluster; what it lost or repeated shows at the end. */
test("three servers: the path of facts outlives each fault", { skip }, async (t) => {
  const nats = await NatsCluster.start();
  await using path = await FactPath.start(nats);
  await path.more(SOME);
  for (const [name, fault] of FAULTS) {
    await t.test(name, async () => {
      await fault(path, nats);
      await path.more(SOME);
    });
  }
  await path.finish();
});

async function killLeader(path: FactPath, nats: NatsCluster): Promise<void> {
  const { leader } = await nats.leaderOf(FACT_STREAM);
  await leader.kill();
  await path.more(SOME);
  await leader.start();
}

async function killBothLeaders(path: FactPath, nats: NatsCluster): Promise<void> {
  const { leader } = await nats.leaderOf(FACT_STREAM);
  await Promise.all([leader.kill(), path.changeLeader()]);
  await path.more(SOME);
  await leader.start();
}

async function killTwo(_path: FactPath, nats: NatsCluster): Promise<void> {
  const { leader, others } = await nats.leaderOf(FACT_STREAM);
  await Promise.all([leader.kill(), others[0]?.kill()]);
  await Promise.all([leader.start(), others[0]?.start()]);
}

async function killAll(_path: FactPath, nats: NatsCluster): Promise<void> {
  await nats.kill();
  await nats.start();
}

async function wipeEach(path: FactPath, nats: NatsCluster): Promise<void> {
  for (const server of nats.servers) {
    // Two stores lost before the first is whole again would be the loss of a majority.
    await nats.untilWhole(FACT_STREAM);
    await server.kill();
    await server.wipe();
    // Elections in which one without a store takes part go on for up to minutes.
    await path.more(SOME);
    await server.start();
  }
  await nats.untilWhole(FACT_STREAM);
}

async function freezeLeader(path: FactPath, nats: NatsCluster): Promise<void> {
  const { leader } = await nats.leaderOf(FACT_STREAM);
  leader.freeze();
  const thawed = performance.now() + FROZEN_MS;
  await until("the time is over", () => performance.now() >= thawed);
  leader.thaw();
  await path.changeLeader();
}

test(
  "the stream is deleted, and made anew with lower sequences (one server)",
  { skip },
  async () => {
    await using path = await FactPath.start(await NatsServer.start());
    await path.more(SOME);
    await deleteStream(path);
    await path.more(SOME);
    await path.finish();
  },
);

async function deleteStream(path: FactPath): Promise<void> {
  const before = path.streams;
  await using connection = await path.nats.connect();
  await connection.request(`$JS.API.STREAM.DELETE.${FACT_STREAM}`, undefined, { timeout: 5_000 });
  await until("the new stream is read", () => path.streams > before, 60_000);
}

test("the store is put back to an older copy (one server)", { skip }, async () => {
  const nats = await NatsServer.start();
  await using path = await FactPath.start(nats);
  await path.more(SOME);
  await nats.kill();
  await nats.copyStore();
  await nats.start();
  await path.more(2 * SOME);
  await nats.kill();
  await nats.rollBack();
  await nats.start();
  await path.more(SOME);
  await path.finish();
});

test("the server is killed, frozen, wiped (one server)", { skip }, async () => {
  const nats = await NatsServer.start();
  await using path = await FactPath.start(nats);
  await path.more(SOME);
  await nats.kill();
  await nats.start();
  await path.more(SOME);
  nats.freeze();
  const thawed = performance.now() + FROZEN_MS;
  await until("the time is over", () => performance.now() >= thawed);
  nats.thaw();
  await path.more(SOME);
  // What the stream has acknowledged and nobody has read is lost with it.
  await path.changeLeader(async () => {
    await untilUnread(path, SOME);
    await nats.kill();
    await nats.wipe();
    await nats.start();
  });
  await path.more(SOME);
  await path.finish();
  assert.equal(path.streams, 2);
});

/** Waits until the stream holds so many messages. */
async function untilUnread(path: FactPath, count: number): Promise<void> {
  await using connection = await path.nats.connect();
  await until("facts wait in the stream", async () => {
    const answer = await connection.request(`$JS.API.STREAM.INFO.${FACT_STREAM}`);
    return answer.json<{ state: { messages: number } }>().state.messages >= count;
  });
}
