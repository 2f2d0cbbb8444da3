/**
 * The agent as a process: one on every node.
 */
import { connectAgentBus } from "@atoll/event-bus-nats";
import { aborted, createLog, runService } from "@atoll/service-kit/process";
import { startApp } from "./app.ts";
import { makeConfig } from "./config.ts";
import { readEnvironment } from "./env.ts";

await runService(async (signal) => {
  const config = makeConfig(readEnvironment(process.env));
  const { node, datacenter, logLevel, natsUrl } = config;
  const log = createLog({ service: "agent", level: logLevel, fields: { node, datacenter } });
  await using app = await startApp(config, {
    log,
    connect: () => connectAgentBus({ url: natsUrl, datacenter, node, log }),
  });
  await aborted(signal);
  await app.stop();
});
