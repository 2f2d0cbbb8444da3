import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, type DomainEvent, evolve } from "@atoll/domain";
import { rackR1, sampleEvents } from "@atoll/domain/testing";
import { StormWatch } from "./storm-watch.ts";

const { nodeDiscovered, nodeUpdated, nodeReturned, stormHeld } = sampleEvents;
const IN_RACK: DomainEvent = { ...nodeUpdated, location: { rack: "r1" } };

test("StormWatch has a storm looked at when something happened to one of its nodes", () => {
  const view = new Datacenter();
  const watch = new StormWatch();
  const log = (event: DomainEvent): void => {
    evolve(view, event, { index: 1, offset: 0, stampMs: 1 }, "test");
    watch.applied(event, view);
  };
  log(nodeDiscovered);
  log(IN_RACK);
  assert.deepEqual(watch.take(), []);
  log(stormHeld);
  assert.deepEqual(watch.take(), []);
  log(nodeReturned);
  assert.deepEqual(watch.take(), [{ type: "reviewStorm", faultDomain: rackR1 }]);
  assert.deepEqual(watch.take(), []);
  watch.touchAll(view);
  assert.deepEqual(watch.take(), [{ type: "reviewStorm", faultDomain: rackR1 }]);
});
