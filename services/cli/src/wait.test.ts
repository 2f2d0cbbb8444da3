/** Waiting for an operation: what interrupts it, and what is said then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpdateNodeRequest } from "@atoll/proto/atoll/v1/node";
import { status } from "@grpc/grpc-js";
import { startFakeGateway } from "./testing/fake-gateway.ts";
import { operations } from "./testing/fixtures.ts";
import { runCommand } from "./testing/run-command.ts";

const [done, running] = operations as [(typeof operations)[0], (typeof operations)[0]];

test("a command that waits ends with status 5 when the time allowed runs out", async () => {
  await using gateway = await startFakeGateway();
  gateway.onWatchOperation = (call): void => void call.write(running);
  const words = ["node", "assign", "n2", "relay", "--wait-timeout", "60ms"];
  const result = await runCommand(words, { gateway: gateway.address });
  assert.equal(result.exitStatus, 5);
  assert.match(result.err, /op-2 has not ended within 60ms; it waits for n2: in maintenance/);
  assert.match(result.err, /atoll operation watch op-2/);
});

test("a command that waits outlives a break of the watch", async () => {
  await using gateway = await startFakeGateway();
  let watches = 0;
  gateway.onWatchOperation = (call): void => {
    watches += 1;
    if (watches === 1) {
      call.write(running);
      call.emit("error", { code: status.UNAVAILABLE, details: "leader changes" });
      return;
    }
    call.write({ ...done, name: running.name });
    call.end();
  };
  const result = await runCommand(["node", "assign", "n2", "relay"], { gateway: gateway.address });
  assert.equal(result.exitStatus, 0);
  assert.match(result.out, /^op-2 apply role web: succeeded in 3.0s/);
});

test("a command that is interrupted says that the operation goes on", async () => {
  await using gateway = await startFakeGateway();
  const stop = new AbortController();
  gateway.onWatchOperation = (call): void => {
    call.write(running);
    stop.abort("interrupted");
  };
  const result = await runCommand(["node", "assign", "n2", "relay"], {
    gateway: gateway.address,
    signal: stop.signal,
  });
  assert.equal(result.exitStatus, 130);
  assert.match(result.err, /it goes on: `atoll operation watch op-2`/);
});

test("a write carries a request id and who asks", async () => {
  await using gateway = await startFakeGateway();
  await runCommand(["node", "label", "n1", "tier=db", "rack-"], { gateway: gateway.address });
  const update = gateway.requests.find(({ method }) => method === "updateNode");
  const request = update?.request as UpdateNodeRequest;
  assert.deepEqual(
    [request.node?.labels, request.node?.etag, request.updateMask, request.requestId],
    [{ tier: "db", port: "8101" }, "12", ["labels"], "request-1"],
  );
  assert.equal(update?.actor, "ada");
});
