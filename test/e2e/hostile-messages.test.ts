/**
 * What is on the bus and not ours is counted and kept, and stops nothing.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodeFactBatch } from "@atoll/codec";
import type { DatacenterName, FactBatch, NodeName } from "@atoll/domain";
import { startLab, type Lab } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { StoryApi } from "../story/api.ts";
import { untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";

const READY_MS = 30_000;
const ANSWER_MS = 5_000;

const BATCH: FactBatch = {
  node: "n1" as NodeName,
  incarnation: "somebody",
  previous: { boot: 0, sequence: 0 },
  first: { boot: 1, sequence: 1 },
  facts: [{ type: "fileForgotten", observedAtMs: 0, path: "/etc/x" }],
};

/** Each with the words that its reason must hold. */
function hostileMessages(datacenter: string): readonly [string, Uint8Array, RegExp][] {
  const whole = encodeFactBatch(datacenter as DatacenterName, BATCH);
  const elsewhere = encodeFactBatch("elsewhere" as DatacenterName, BATCH);
  return [
    ["n1", new TextEncoder().encode("hello"), /./],
    ["n1", whole.subarray(0, whole.length - 3), /./],
    ["n1", new Uint8Array(0), /./],
    ["n1", new Uint8Array(100_000).fill(0xff), /./],
    ["n2", whole, /n1 on the subject of n2/],
    ["n1", elsewhere, /datacenter elsewhere/],
  ];
}

async function refused(lab: Lab, leader: string): Promise<number> {
  const { admin } = lab.process(leader).spec.ports;
  const url = `http://127.0.0.1:${admin}/metrics`;
  const metrics = await (await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })).text();
  return Number(/^atoll_bus_messages_refused_total\S* (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

test("messages that are not ours are counted, kept, and passed over", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-hostile-"));
  const lab = await startLab({ stateDir, portBase: 0, agents: 1, machine: false, restart: false });
  const connection = await connect({ servers: lab.natsUrl });
  try {
    using api = new StoryApi(lab.gatewayAddress);
    await untilState(api, "n1", NodeState.NODE_STATE_DISCOVERED, READY_MS);
    const messages = hostileMessages(lab.datacenter);
    for (const [node, payload] of messages) {
      await jetstream(connection).publish(`atoll.${lab.datacenter}.fact.${node}`, payload);
    }
    const leader = await api.leader();
    await timeUntil("every one of them is counted", READY_MS, async () => {
      return (await refused(lab, leader)) >= messages.length;
    });
    const folder = join(lab.process(leader).spec.dataDir, "quarantine");
    const { value: kept } = await timeUntil("every one of them is kept", READY_MS, async () => {
      const names = (await readdir(folder)).toSorted();
      return names.length >= messages.length && names;
    });
    assert.equal(kept.length, messages.length);
    for (const [at, [, payload, reason]] of messages.entries()) {
      const text = await readFile(join(folder, kept[at] as string), "utf8");
      const found = JSON.parse(text) as { reason: string; payloadBase64: string };
      assert.match(found.reason, reason);
      assert.equal(found.payloadBase64, Buffer.from(payload).toString("base64"));
    }
    await lab.addAgent({ name: "n9" });
    await untilState(api, "n9", NodeState.NODE_STATE_DISCOVERED, READY_MS);
    assert.deepEqual((await api.nodes()).map(({ name }) => name.split("/").at(-1)).toSorted(), [
      "n1",
      "n9",
    ]);
  } finally {
    await connection.close();
    await lab.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
});
