/**
 * Watches over two datacenters: everything of both, and on after a break in each where it was.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resume } from "@atoll/proto/atoll/v1/common";
import type { WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import type { WatchNodesResponse } from "@atoll/proto/atoll/v1/node";
import { status } from "@grpc/grpc-js";
import { type ApiClient, Collected } from "./testing/client.ts";
import { discovered } from "./testing/gateway.ts";
import { RemoteIsland, startBoth } from "./testing/remote-island.ts";

const NODES = { parent: "datacenters/-", filter: "", resumeIndex: 0 };
const EVENTS = { parent: "datacenters/-", filter: "", fromIndex: 0 };

function watchNodes(
  api: ApiClient,
  resume?: Resume,
  request = NODES,
): Collected<WatchNodesResponse> {
  return new Collected(
    api.nodes.watchNodes(resume === undefined ? request : { ...request, resume }),
  );
}

function watchEvents(
  api: ApiClient,
  resume?: Resume,
  request = EVENTS,
): Collected<WatchEventsResponse> {
  return new Collected(
    api.events.watchEvents(resume === undefined ? request : { ...request, resume }),
  );
}

/** `dc1/n1`, `-west/n3` where it was taken back, `synced`. */
function told(messages: readonly WatchNodesResponse[]): string[] {
  return messages.flatMap(({ change }) => {
    if (change === undefined) return [];
    if (change.$case === "synced") return ["synced"];
    const sign = change.$case === "deleted" ? "-" : "";
    const name = change.$case === "deleted" ? change.value : change.value.name;
    return [sign + name.replace(/^datacenters\/(.*)\/nodes\//, "$1/")];
  });
}

function tells(word: string): (messages: readonly WatchNodesResponse[]) => boolean {
  return (messages) => told(messages).includes(word);
}

function eventNames(messages: readonly WatchEventsResponse[]): string[] {
  return messages.flatMap(({ events }) =>
    events.map(({ name }) => name.replace(/^datacenters\/(.*)\/events\//, "$1/")),
  );
}

test("WatchNodes over all sends every node of every datacenter, then what changes", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  using watch = watchNodes(api);
  await watch.until(tells("synced"));
  assert.deepEqual(told(watch.messages), ["dc1/n1", "dc1/n2", "west/n1", "west/n3", "synced"]);
  const synced = watch.messages.at(-1);
  assert.deepEqual(
    synced?.asOf.map(({ datacenter, index }) => [datacenter, index]),
    [
      ["dc1", gateway.datacenter.log.length],
      ["west", 2],
    ],
  );
  assert.deepEqual(synced?.resume, { indexes: { dc1: gateway.datacenter.log.length, west: 2 } });
  assert.equal(synced?.resumeIndex, gateway.datacenter.log.length);
  west.append(discovered("n4"));
  await watch.until(tells("west/n4"));
  gateway.datacenter.append(discovered("n5"));
  await watch.until(tells("dc1/n5"));
  assert.deepEqual(watch.messages.at(-1)?.resume, {
    indexes: { dc1: gateway.datacenter.log.length, west: 3 },
  });
});

test("WatchNodes over all goes on in each datacenter where it was", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  const at = { indexes: { dc1: gateway.datacenter.log.length, west: 2 } };
  west.append([{ type: "nodeLost", node: "n3" as never, silentMs: 5_000 }]);
  west.append([{ type: "nodeForgotten", node: "n1" as never }]);
  gateway.datacenter.append(discovered("n5"));
  using watch = watchNodes(api, at);
  await watch.until(tells("synced"));
  assert.deepEqual(told(watch.messages).toSorted(), ["-west/n1", "dc1/n5", "synced", "west/n3"]);
  // One that the caller has no index of is sent whole, with those that it may still show.
  using partly = watchNodes(api, { indexes: { dc1: gateway.datacenter.log.length } });
  await partly.until(tells("synced"));
  assert.deepEqual(told(partly.messages).toSorted(), ["-west/n1", "synced", "west/n3"]);
  // The bare index is that of the gateway's own datacenter.
  using bare = watchNodes(api, undefined, {
    ...NODES,
    resumeIndex: gateway.datacenter.log.length,
  });
  await bare.until(tells("synced"));
  assert.deepEqual(told(bare.messages).toSorted(), ["-west/n1", "synced", "west/n3"]);
});

test("WatchNodes over all shows what comes, and takes back what leaves", async () => {
  await using both = await startBoth();
  using north = new RemoteIsland("north", { cut: true });
  const { api, west, gateway } = both;
  using watch = watchNodes(api);
  await watch.until(tells("synced"));
  north.append(discovered("n8"));
  gateway.app.islands.add(north.island);
  north.heal();
  await watch.until(tells("north/n8"));
  gateway.app.islands.remove(west.island);
  await watch.until((messages) => tells("-west/n1")(messages) && tells("-west/n3")(messages));
  gateway.datacenter.append(discovered("n5"));
  await watch.until(tells("dc1/n5"));
  assert.deepEqual(Object.keys(watch.messages.at(-1)?.resume?.indexes ?? {}), ["dc1", "north"]);
});

test("WatchNodes of one datacenter ends when that leaves, and says what is known", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  using watch = watchNodes(api, undefined, { ...NODES, parent: "datacenters/west" });
  await watch.until(tells("synced"));
  assert.deepEqual(told(watch.messages), ["west/n1", "west/n3", "synced"]);
  assert.equal(watch.messages.at(-1)?.resumeIndex, 2);
  assert.equal(watch.messages.at(-1)?.resume, undefined);
  gateway.app.islands.remove(west.island);
  await watch.over();
  assert.deepEqual(
    [watch.status?.code, watch.status?.reason],
    [status.NOT_FOUND, "DATACENTER_UNKNOWN"],
  );
});

test("a watch that would go on in a datacenter that is gone is told so", async () => {
  await using both = await startBoth();
  const { api } = both;
  const refusals = [
    [{ indexes: { nowhere: 3 } }, "DATACENTER_UNKNOWN"],
    [{ indexes: { west: -1 } }, "INVALID_FIELD"],
    [{ indexes: { "no such name": 1 } }, "NAME_INVALID"],
  ] as const;
  for (const [resume, reason] of refusals) {
    using nodes = watchNodes(api, resume);
    using events = watchEvents(api, resume);
    await nodes.over();
    await events.over();
    assert.deepEqual([nodes.status?.reason, events.status?.reason], [reason, reason]);
  }
});

test("WatchEvents over all goes on in each datacenter where it was, without gap", async () => {
  await using both = await startBoth();
  const { api, west, gateway } = both;
  let resume: Resume | undefined;
  {
    using watch = watchEvents(api, { indexes: { dc1: 2, west: 1 } });
    const beginning = ["dc1/2-0", "dc1/2-1", "west/1-0", "west/1-1", "west/2-0", "west/2-1"];
    await watch.until((messages) => eventNames(messages).length >= beginning.length);
    assert.deepEqual(eventNames(watch.messages).toSorted(), beginning);
    resume = watch.messages.at(-1)?.resume;
    assert.deepEqual(resume, { indexes: { dc1: 3, west: 3 } });
    assert.equal(watch.messages.at(-1)?.resumeIndex, 3);
  }
  west.append(discovered("n4"));
  gateway.datacenter.append(discovered("n5"));
  using watch = watchEvents(api, resume);
  const missed = ["dc1/3-0", "dc1/3-1", "west/3-0", "west/3-1"];
  await watch.until((messages) => eventNames(messages).length >= missed.length);
  west.append([{ type: "nodeLost", node: "n4" as never, silentMs: 5_000 }]);
  await watch.until((messages) => eventNames(messages).includes("west/4-0"));
  assert.deepEqual(eventNames(watch.messages).toSorted(), [...missed, "west/4-0"]);
});

test("WatchEvents over all is held up by no datacenter that is out of reach", async () => {
  await using both = await startBoth();
  using north = new RemoteIsland("north", { cut: true });
  const { api, west, gateway } = both;
  north.append(discovered("n7"));
  gateway.app.islands.add(north.island);
  west.cut = true;
  using watch = watchEvents(api, { indexes: { dc1: 1, west: 1 } });
  await watch.until((messages) => eventNames(messages).length >= 4);
  assert.deepEqual(eventNames(watch.messages), ["dc1/1-0", "dc1/1-1", "dc1/2-0", "dc1/2-1"]);
  assert.deepEqual(watch.messages.at(-1)?.resume, { indexes: { dc1: 3, west: 1 } });
  west.heal();
  await watch.until((messages) => eventNames(messages).length >= 8);
  assert.deepEqual(watch.messages.at(-1)?.resume, { indexes: { dc1: 3, west: 3 } });
  // Of what was unknown when the watch began, it shows what happens from then on.
  north.heal();
  await watch.until((messages) => messages.at(-1)?.resume?.indexes["north"] === 2, 8_000);
  north.append([{ type: "nodeLost", node: "n7" as never, silentMs: 5_000 }]);
  await watch.until((messages) => eventNames(messages).includes("north/2-0"));
  assert.equal(eventNames(watch.messages).includes("north/1-0"), false);
});
