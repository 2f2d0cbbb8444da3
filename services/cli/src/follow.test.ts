/**
 * `event list --follow` over a gateway that breaks: every event once, in order, whatever happens.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { status, type ServerWritableStream } from "@grpc/grpc-js";
import type { Event, WatchEventsRequest, WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import { startFakeGateway, type FakeGateway } from "./testing/fake-gateway.ts";
import { events } from "./testing/fixtures.ts";
import { runCommand, type CommandResult } from "./testing/run-command.ts";

type Call = ServerWritableStream<WatchEventsRequest, WatchEventsResponse>;

const [template] = events as [Event];

function eventAt(index: number, offset = 0): Event {
  return { ...template, index, offset, name: `datacenters/dc1/events/${index}-${offset}` };
}

/** Runs the command until it has printed an event of this index. */
async function followUntil(
  gateway: FakeGateway,
  lastIndex: number,
  words: readonly string[] = [],
): Promise<CommandResult> {
  const stop = new AbortController();
  return runCommand(["event", "list", "--follow", "--output", "json", ...words], {
    gateway: gateway.address,
    signal: stop.signal,
    onOut: (out) => {
      if (out.includes(`"index":${lastIndex},`)) stop.abort("interrupted");
    },
  });
}

function printed(result: CommandResult): string[] {
  return result.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { index: number; offset?: number })
    .map(({ index, offset }) => `${index}.${offset ?? 0}`);
}

test("event list --follow resumes after a break without gap and without repeat", async () => {
  await using gateway = await startFakeGateway();
  const asked: number[] = [];
  gateway.onWatchEvents = (call: Call): void => {
    const from = call.request.fromIndex;
    asked.push(from);
    if (asked.length === 1) {
      call.write({ events: [eventAt(42), eventAt(42, 1)], resumeIndex: 43 });
      call.write({ events: [], resumeIndex: 45 });
      call.emit("error", { code: status.UNAVAILABLE, details: "going down" });
    } else if (asked.length === 2) {
      // Comes from before the position: what was printed must not be printed again.
      call.write({ events: [eventAt(42, 1), eventAt(45)], resumeIndex: 46 });
      call.end();
    } else {
      call.write({ events: [eventAt(46), eventAt(47)], resumeIndex: 48 });
    }
  };
  const result = await followUntil(gateway, 47, ["--from", "42"]);
  assert.deepEqual(asked, [42, 45, 46]);
  assert.deepEqual(printed(result), ["42.0", "42.1", "45.0", "46.0", "47.0"]);
  assert.match(result.err, /reconnecting, to go on from #45\n.*connected again/);
  assert.equal(result.exitStatus, 130);
});

test("event list --follow goes on at the index where the list ended", async () => {
  await using gateway = await startFakeGateway();
  gateway.onWatchEvents = (call: Call): void => {
    assert.equal(call.request.fromIndex, 42);
    call.write({ events: [eventAt(42)], resumeIndex: 43 });
  };
  const result = await followUntil(gateway, 42);
  assert.deepEqual(printed(result), ["30.0", "30.1", "31.0", "33.0", "41.0", "42.0"]);
});

test("event list --follow outlives a gateway that is killed and comes back", async () => {
  const first = await startFakeGateway();
  const port = Number(first.address.split(":")[1]);
  let watching: () => void = () => undefined;
  const watched = new Promise<void>((resolve) => (watching = resolve));
  first.onWatchEvents = (call: Call): void => {
    call.write({ events: [eventAt(42)], resumeIndex: 43 });
    watching();
  };
  const following = followUntil(first, 43, ["--from", "42"]);
  await watched;
  await first[Symbol.asyncDispose]();
  await using second = await startFakeGateway(port);
  second.onWatchEvents = (call: Call): void => {
    // What the first had written may not have arrived: the command asks for it again then.
    const missed = call.request.fromIndex === 42 ? [eventAt(42)] : [];
    call.write({ events: [...missed, eventAt(43)], resumeIndex: 44 });
  };
  const result = await following;
  assert.deepEqual(printed(result), ["42.0", "43.0"]);
});

test("event list --follow ends when the gateway no longer keeps the index", async () => {
  await using gateway = await startFakeGateway();
  gateway.onWatchEvents = (call: Call): void => {
    call.emit("error", { code: status.OUT_OF_RANGE, details: "the first index kept is 1000" });
  };
  const result = await followUntil(gateway, 0, ["--from", "5"]);
  assert.equal(result.exitStatus, 2);
  assert.match(result.err, /the first index kept is 1000/);
});

test("event list --follow over all datacenters goes on in each where it was", async () => {
  await using gateway = await startFakeGateway();
  const asked: unknown[] = [];
  const west = (index: number): Event => ({
    ...eventAt(index),
    name: `datacenters/west/events/${index}-0`,
  });
  gateway.onWatchEvents = (call: Call): void => {
    asked.push([call.request.parent, call.request.resume?.indexes]);
    if (asked.length === 1) {
      const resume = { indexes: { dc1: 42, west: 44 } };
      call.write({ events: [west(43)], resumeIndex: 42, resume });
      call.emit("error", { code: status.UNAVAILABLE, details: "going down" });
    } else {
      const resume = { indexes: { dc1: 51, west: 44 } };
      // An index of one datacenter says nothing about the other.
      call.write({ events: [west(43)], resumeIndex: 42, resume });
      call.write({ events: [eventAt(50)], resumeIndex: 51, resume });
    }
  };
  const result = await followUntil(gateway, 50, ["--datacenter", "all"]);
  assert.deepEqual(asked, [
    ["datacenters/-", { dc1: 42, west: 43 }],
    ["datacenters/-", { dc1: 42, west: 44 }],
  ]);
  assert.deepEqual(printed(result).slice(-3), ["41.0", "43.0", "50.0"]);
  assert.match(result.err, /reconnecting, to go on from #42 of dc1, #44 of west\n/);
});
