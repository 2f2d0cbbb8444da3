/** A connection that a server lets hang. */
import { test } from "node:test";
import { PAYLOAD_BYTES_MAX } from "@atoll/event-bus";
import { connectAgentBus } from "./agent-bus.ts";
import { NatsServer, skipReason } from "./nats-server.ts";
import { until } from "./until.ts";

const skip = skipReason ?? false;
const silent = { info: (): void => {}, warn: (): void => {} };

test("a frozen server is given up also while much waits to be sent to it", { skip }, async () => {
  await using server = await NatsServer.start();
  const agent = connectAgentBus({ url: server.url, datacenter: "dc1", node: "n1", log: silent });
  let connected = false;
  agent.onConnection((state) => ({ connected } = state));
  try {
    await until("it is connected", () => connected);
    server.freeze();
    // More than the kernel takes for a program that reads nothing.
    for (let sent = 0; sent < 64; sent += 1) {
      agent.publishHeartbeat(new Uint8Array(PAYLOAD_BYTES_MAX));
    }
    await until("the silence is noticed", () => !connected);
    server.thaw();
    await until("it is connected again", () => connected);
  } finally {
    await agent.close();
  }
});
